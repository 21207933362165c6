#include "network/link.h"

#include <algorithm>
#include <cerrno>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <fmt/core.h>

#include "base/error.h"

namespace nau::network {

namespace {

std::string_view as_bytes(const ifinfomsg& header) noexcept {
    return {reinterpret_cast<const char*>(&header), sizeof(header)};
}

ifinfomsg link_header(unsigned flags = 0) noexcept {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_flags = flags;
    header.ifi_change = flags;
    return header;
}

NetlinkMessage change_link(std::string_view name, unsigned flags = 0) {
    NetlinkMessage message(RTM_NEWLINK, 0);
    message.put(link_header(flags));
    message.text(IFLA_IFNAME, name);
    return message;
}

NetlinkMessage create_link() {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    message.put(link_header());
    return message;
}

std::optional<Route> parse_route(const NetlinkReply& reply) {
    const auto header = reply.header<rtmsg>();
    const auto attributes = reply.attributes<rtmsg>();
    const uint32_t table = attributes.number<uint32_t>(RTA_TABLE).value_or(header.rtm_table);
    if (table == RT_TABLE_LOCAL ||
        (header.rtm_family != AF_INET && header.rtm_family != AF_INET6)) {
        return std::nullopt;
    }
    const std::string zeros(header.rtm_family == AF_INET ? 4 : 16, '\0');
    const auto destination =
        IpAddress::from_bytes(attributes.find(RTA_DST).value_or(std::string_view(zeros)));
    if (!destination) {
        return std::nullopt;
    }
    const auto gateway = attributes.find(RTA_GATEWAY);
    return Route{.destination = {.address = *destination, .length = header.rtm_dst_len},
                 .gateway = gateway ? IpAddress::from_bytes(*gateway) : std::nullopt,
                 .link = attributes.number<int>(RTA_OIF).value_or(0),
                 .table = table};
}

}  // namespace

bool is_interface_name(std::string_view name) noexcept {
    return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
           std::ranges::all_of(name,
                               [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != ':'; });
}

Link parse_link(const NetlinkReply& reply) {
    const auto header = reply.header<ifinfomsg>();
    const auto attributes = reply.attributes<ifinfomsg>();
    return {.index = header.ifi_index,
            .name = std::string(attributes.text(IFLA_IFNAME)),
            .kind = std::string(attributes.nested(IFLA_LINKINFO).text(IFLA_INFO_KIND)),
            .alias = std::string(attributes.text(IFLA_IFALIAS)),
            .mtu = attributes.number<unsigned>(IFLA_MTU).value_or(0),
            .master = attributes.number<int>(IFLA_MASTER).value_or(0),
            .is_up = (header.ifi_flags & IFF_UP) != 0,
            .is_loopback = (header.ifi_flags & IFF_LOOPBACK) != 0};
}

std::optional<Link> find_link(NetlinkSocket& socket, std::string_view name) {
    NetlinkMessage message(RTM_GETLINK, 0);
    message.put(link_header());
    message.text(IFLA_IFNAME, name);
    const auto reply = socket.query(message, fmt::format("looking for interface {}", name));
    return reply ? std::optional(parse_link(*reply)) : std::nullopt;
}

std::vector<Link> list_links(NetlinkSocket& socket) {
    NetlinkMessage message(RTM_GETLINK, 0);
    message.put(link_header());
    std::vector<Link> links;
    for (const auto& reply : socket.dump(message, "listing interfaces")) {
        links.push_back(parse_link(reply));
    }
    return links;
}

std::vector<LinkAddress> list_addresses(NetlinkSocket& socket) {
    NetlinkMessage message(RTM_GETADDR, 0);
    message.put(ifaddrmsg{});
    std::vector<LinkAddress> addresses;
    for (const auto& reply : socket.dump(message, "listing addresses")) {
        const auto header = reply.header<ifaddrmsg>();
        const auto attributes = reply.attributes<ifaddrmsg>();
        // On point-to-point links IFA_ADDRESS is the other end.
        auto bytes = attributes.find(IFA_LOCAL);
        if (!bytes) {
            bytes = attributes.find(IFA_ADDRESS);
        }
        const auto address = bytes ? IpAddress::from_bytes(*bytes) : std::nullopt;
        if (address) {
            addresses.push_back({.link = static_cast<int>(header.ifa_index),
                                 .prefix = {.address = *address, .length = header.ifa_prefixlen}});
        }
    }
    return addresses;
}

std::vector<Route> list_routes(NetlinkSocket& socket) {
    NetlinkMessage message(RTM_GETROUTE, 0);
    message.put(rtmsg{});
    std::vector<Route> routes;
    for (const auto& reply : socket.dump(message, "listing routes")) {
        if (auto route = parse_route(reply)) {
            routes.push_back(*std::move(route));
        }
    }
    return routes;
}

Request make_bridge(const BridgeRequest& bridge) {
    NetlinkMessage message = create_link();
    message.text(IFLA_IFNAME, bridge.name);
    message.attribute(IFLA_ADDRESS, bridge.mac.bytes());
    if (bridge.mtu != 0) {
        message.number(IFLA_MTU, bridge.mtu);
    }
    {
        const auto info = message.nest(IFLA_LINKINFO);
        message.text(IFLA_INFO_KIND, "bridge");
        const auto data = message.nest(IFLA_INFO_DATA);
        message.number(IFLA_BR_STP_STATE, uint32_t{0});
        message.number(IFLA_BR_FORWARD_DELAY, uint32_t{0});
        if (bridge.vlan != 0) {
            message.number(IFLA_BR_VLAN_FILTERING, uint8_t{1});
            message.number(IFLA_BR_VLAN_DEFAULT_PVID, bridge.vlan);
        }
    }
    return {.message = std::move(message), .what = fmt::format("making bridge {}", bridge.name)};
}

Request make_veth(const VethRequest& veth) {
    NetlinkMessage message = create_link();
    message.text(IFLA_IFNAME, veth.name);
    message.number(IFLA_MASTER, veth.master);
    if (veth.mtu != 0) {
        message.number(IFLA_MTU, veth.mtu);
    }
    {
        const auto info = message.nest(IFLA_LINKINFO);
        message.text(IFLA_INFO_KIND, "veth");
        const auto data = message.nest(IFLA_INFO_DATA);
        const auto peer = message.nest(VETH_INFO_PEER, as_bytes(link_header()));
        message.text(IFLA_IFNAME, veth.peer_name);
        message.attribute(IFLA_ADDRESS, veth.peer_mac.bytes());
        message.number(IFLA_NET_NS_FD, static_cast<uint32_t>(veth.peer_namespace_fd));
        if (veth.mtu != 0) {
            message.number(IFLA_MTU, veth.mtu);
        }
    }
    return {.message = std::move(message),
            .what = fmt::format("making the veth pair {} and {}", veth.name, veth.peer_name)};
}

Request make_slave(const SlaveRequest& slave) {
    NetlinkMessage message = create_link();
    message.text(IFLA_IFNAME, slave.name);
    message.number(IFLA_LINK, slave.parent);
    message.number(IFLA_NET_NS_FD, static_cast<uint32_t>(slave.namespace_fd));
    if (slave.mac) {
        message.attribute(IFLA_ADDRESS, slave.mac->bytes());
    }
    if (slave.mtu != 0) {
        message.number(IFLA_MTU, slave.mtu);
    }
    {
        const auto info = message.nest(IFLA_LINKINFO);
        message.text(IFLA_INFO_KIND, slave.kind);
        const auto data = message.nest(IFLA_INFO_DATA);
        if (slave.kind == "ipvlan") {
            message.number(IFLA_IPVLAN_MODE, static_cast<uint16_t>(slave.mode));
        } else {
            message.number(IFLA_MACVLAN_MODE, slave.mode);
        }
    }
    return {.message = std::move(message),
            .what = fmt::format("making the {} interface {}", slave.kind, slave.name)};
}

Request disable_link_addresses(std::string_view name) {
    NetlinkMessage message = change_link(name);
    {
        const auto families = message.nest(IFLA_AF_SPEC);
        const auto inet6 = message.nest(AF_INET6);
        message.number(IFLA_INET6_ADDR_GEN_MODE, static_cast<uint8_t>(IN6_ADDR_GEN_MODE_NONE));
    }
    return {.message = std::move(message),
            .what = fmt::format("configuring {}", name),
            .accepted_error = EAFNOSUPPORT};  // a kernel without IPv6
}

Request set_port_flags(std::string_view name, PortFlags flags) {
    NetlinkMessage message = change_link(name);
    {
        const auto info = message.nest(IFLA_LINKINFO);
        message.text(IFLA_INFO_SLAVE_KIND, "bridge");
        const auto data = message.nest(IFLA_INFO_SLAVE_DATA);
        if (flags.has_hairpin) {
            message.number(IFLA_BRPORT_MODE, uint8_t{1});
        }
        if (flags.is_isolated) {
            message.number(IFLA_BRPORT_ISOLATED, uint8_t{1});
        }
    }
    return {.message = std::move(message), .what = fmt::format("configuring {}", name)};
}

Request set_link_up(std::string_view name) {
    return {.message = change_link(name, IFF_UP), .what = fmt::format("bringing {} up", name)};
}

Request set_link_alias(std::string_view name, std::string_view alias) {
    NetlinkMessage message = change_link(name);
    message.attribute(IFLA_IFALIAS, alias);
    return {.message = std::move(message), .what = fmt::format("marking {}", name)};
}

Request set_link_master(std::string_view name, int master) {
    NetlinkMessage message = change_link(name);
    message.number(IFLA_MASTER, master);
    return {.message = std::move(message), .what = fmt::format("connecting {}", name)};
}

Request delete_link(std::string_view name) {
    NetlinkMessage message(RTM_DELLINK, 0);
    message.put(link_header());
    message.text(IFLA_IFNAME, name);
    return {.message = std::move(message),
            .what = fmt::format("removing interface {}", name),
            .accepted_error = ENODEV};
}

Request add_address(int link, std::string_view link_name, const IpPrefix& address) {
    NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    ifaddrmsg header{};
    header.ifa_family = static_cast<uint8_t>(address.address.family());
    header.ifa_prefixlen = static_cast<uint8_t>(address.length);
    header.ifa_index = static_cast<uint32_t>(link);
    // Addresses are given out once: nobody has to wait until the kernel has asked around.
    header.ifa_flags = address.address.is_v6() ? IFA_F_NODAD : 0;
    message.put(header);
    message.attribute(IFA_LOCAL, address.address.bytes());
    message.attribute(IFA_ADDRESS, address.address.bytes());
    if (!address.address.is_v6() && address.length < 31) {
        message.attribute(IFA_BROADCAST, address.last().bytes());
    }
    return {.message = std::move(message),
            .what = fmt::format("giving {} the address {}", link_name, address.to_string()),
            .accepted_error = EEXIST};
}

Request add_route(int link,
                  std::string_view link_name,
                  const IpPrefix& destination,
                  const std::optional<IpAddress>& gateway,
                  uint32_t metric) {
    NetlinkMessage message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
    rtmsg header{};
    header.rtm_family = static_cast<uint8_t>(destination.address.family());
    header.rtm_dst_len = static_cast<uint8_t>(destination.length);
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = RTPROT_STATIC;
    header.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    header.rtm_type = RTN_UNICAST;
    message.put(header);
    if (destination.length > 0) {
        message.attribute(RTA_DST, destination.network().address.bytes());
    }
    if (gateway) {
        message.attribute(RTA_GATEWAY, gateway->bytes());
    }
    message.number(RTA_OIF, static_cast<uint32_t>(link));
    if (metric != 0) {
        message.number(RTA_PRIORITY, metric);
    }
    return {.message = std::move(message),
            .what = fmt::format("routing {} over {}{}",
                                destination.to_string(),
                                link_name,
                                gateway ? " by " + gateway->to_string() : ""),
            .accepted_error = EEXIST};
}

}  // namespace nau::network
