#include "network/configure.h"

#include <algorithm>
#include <cerrno>
#include <linux/if_link.h>
#include <span>

#include <fmt/core.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/parse.h"
#include "network/sysctl.h"
#include "sys/random.h"

namespace nau::network {

namespace {

uint32_t macvlan_mode(std::string_view mode) {
    if (mode.empty() || mode == "bridge") {
        return MACVLAN_MODE_BRIDGE;
    }
    if (mode == "private") {
        return MACVLAN_MODE_PRIVATE;
    }
    if (mode == "vepa") {
        return MACVLAN_MODE_VEPA;
    }
    if (mode == "passthru") {
        return MACVLAN_MODE_PASSTHRU;
    }
    throw Error(ErrorKind::invalid, "macvlan has no mode '{}'", mode)
        .with_hint("modes are bridge, private, vepa and passthru");
}

uint32_t ipvlan_mode(std::string_view mode) {
    if (mode.empty() || mode == "l2") {
        return IPVLAN_MODE_L2;
    }
    if (mode == "l3") {
        return IPVLAN_MODE_L3;
    }
    if (mode == "l3s") {
        return IPVLAN_MODE_L3S;
    }
    throw Error(ErrorKind::invalid, "ipvlan has no mode '{}'", mode)
        .with_hint("modes are l2, l3 and l3s");
}

[[noreturn]] void say_what_is_missing(const SysError& error, std::string_view what) {
    if (error.error() == EOPNOTSUPP) {
        throw Error(ErrorKind::unsupported, "{}; this kernel has no {}", error.text(), what)
            .with_hint("load its module, or use --network=none or --network=host");
    }
    if (error.error() == EPERM) {
        throw Error(ErrorKind::permission_denied, "{}", error.text())
            .with_hint(
                "networks need the right to configure them (CAP_NET_ADMIN); --network=none "
                "and --network=host do not");
    }
    throw;
}

bool is_complete(const Link& link, const Network& network) {
    return link.kind == "bridge" && link.is_up && link.alias == bridge_mark(network);
}

void check_is_ours(const Link& link, const Network& network) {
    // A bridge that was being made when its maker died has no mark yet; it has no ports either.
    const bool is_ours =
        link.kind == "bridge" && (link.alias == bridge_mark(network) || link.alias.empty());
    if (!is_ours) {
        throw Error(ErrorKind::in_use,
                    "network {}: interface {} exists and is not its bridge",
                    network.name,
                    network.interface)
            .with_hint(
                "rename that interface, or make the network anew under another "
                "--interface-name");
    }
}

void ensure_forwarding(const Network& network) {
    if (network.is_internal) {
        return;
    }
    ensure_sysctl("net/ipv4/ip_forward", "1");
    if (network.has_ipv6()) {
        ensure_sysctl("net/ipv6/conf/all/forwarding", "1");
    }
}

void set_bridge_parameters(const Network& network) {
    const auto set = [&](std::string_view family, std::string_view name, std::string_view value) {
        write_sysctl_if_exists(fmt::format("net/{}/conf/{}/{}", family, network.interface, name),
                               value);
    };
    set("ipv6", "accept_ra", "0");
    set("ipv6", "disable_ipv6", network.has_ipv6() ? "0" : "1");
    // Holds even when all firewall rules are gone: an internal network has no way out.
    set("ipv4", "forwarding", network.is_internal ? "0" : "1");
    if (network.has_ipv6()) {
        set("ipv6", "accept_dad", "0");
    }
}

void make_and_mark(NetlinkSocket& host, const Network& network) {
    const std::string& name = network.interface;
    std::vector<Request> make;
    const IpAddress gateway =
        network.subnets.empty() ? IpAddress() : network.subnets.front().gateway;
    make.push_back(make_bridge({.name = name,
                                .mtu = network.mtu,
                                .mac = MacAddress::of_address(gateway),
                                .vlan = network.vlan}));
    make.back().accepted_error = EEXIST;
    try {
        NAU_FAIL_POINT("network.bridge.before");
        host.request_all(make);
    } catch (const SysError& error) {
        say_what_is_missing(error, network.vlan == 0 ? "bridges" : "bridges that filter by VLAN");
    }
    NAU_FAIL_POINT("network.bridge.made");
    const auto link = find_link(host, name);
    if (!link) {
        throw Error(ErrorKind::unavailable, "bridge {} has gone at once", name);
    }
    check_is_ours(*link, network);
    set_bridge_parameters(network);
    std::vector<Request> requests;
    for (const auto& subnet : network.subnets) {
        requests.push_back(add_address(
            link->index, name, {.address = subnet.gateway, .length = subnet.prefix.length}));
    }
    requests.push_back(set_link_up(name));
    NAU_FAIL_POINT("network.bridge.before_up");
    requests.push_back(set_link_alias(name, bridge_mark(network)));  // last: it is complete
    try {
        host.request_all(requests);
    } catch (const SysError& error) {
        if (network.has_ipv6() && (error.error() == EACCES || error.error() == EOPNOTSUPP)) {
            throw Error(ErrorKind::unsupported, "{}; this host has no IPv6", error.text())
                .with_hint("make the network without --ipv6 and without an IPv6 --subnet");
        }
        throw;
    }
}

void append_default_routes(const Endpoint& endpoint,
                           const Link& link,
                           std::vector<Request>& requests) {
    for (const auto& subnet : endpoint.network.subnets) {
        const bool is_v6 = subnet.gateway.is_v6();
        if (is_v6 ? endpoint.is_default_route6 : endpoint.is_default_route) {
            requests.push_back(add_route(link.index,
                                         endpoint.container_interface,
                                         IpPrefix{.address = subnet.gateway}.network(),
                                         subnet.gateway,
                                         endpoint.network.metric));
        }
    }
}

void add_addresses_and_routes(ContainerNamespace& container,
                              const Endpoint& endpoint,
                              const Link& link) {
    const std::string& name = endpoint.container_interface;
    const Network& network = endpoint.network;
    std::vector<Request> requests;
    for (const auto& address : endpoint.addresses) {
        requests.push_back(add_address(link.index, name, address));
    }
    requests.push_back(set_link_up(name));
    append_default_routes(endpoint, link, requests);
    for (const auto& route : network.routes) {
        requests.push_back(
            add_route(link.index, name, route.destination, route.gateway, route.metric));
    }
    container.netlink().request_all(requests);
}

void make_pair(NetlinkSocket& host, ContainerNamespace& container, const Endpoint& endpoint) {
    const auto bridge = find_link(host, endpoint.network.interface);
    if (!bridge) {
        throw Error(ErrorKind::unavailable, "bridge {} has gone", endpoint.network.interface)
            .with_hint("'nau network reload' makes it again");
    }
    std::vector<Request> requests;
    requests.push_back(make_veth({.name = endpoint.host_interface,
                                  .master = bridge->index,
                                  .mtu = endpoint.network.mtu,
                                  .peer_name = endpoint.container_interface,
                                  .peer_namespace_fd = container.fd(),
                                  .peer_mac = MacAddress::parse(endpoint.mac)}));
    requests.push_back(disable_link_addresses(endpoint.host_interface));
    // Where bridges pass their frames to the firewall, what a container sends to its own published
    // port is translated while it is a frame still, and has to leave where it came in.
    const PortFlags flags{
        .has_hairpin = read_sysctl("net/bridge/bridge-nf-call-iptables") == "1",
        .is_isolated = !endpoint.network.has_neighbours,
    };
    if (flags.has_hairpin || flags.is_isolated) {
        requests.push_back(set_port_flags(endpoint.host_interface, flags));
    }
    requests.push_back(set_link_up(endpoint.host_interface));
    try {
        host.request_all(requests);
    } catch (const SysError& error) {
        if (error.error() == EXFULL) {
            throw Error(ErrorKind::unavailable,
                        "bridge {} has as many ports as a bridge can have",
                        endpoint.network.interface)
                .with_hint("put further containers into another network");
        }
        say_what_is_missing(error, "veth pairs");
    }
}

void make_slave_interface(NetlinkSocket& host,
                          ContainerNamespace& container,
                          const Endpoint& endpoint) {
    const Network& network = endpoint.network;
    const auto parent = network.interface.empty() ? default_route_interface(host)
                                                  : std::optional(network.interface);
    const auto link = parent ? find_link(host, *parent) : std::nullopt;
    if (!link) {
        throw Error(ErrorKind::not_found,
                    "network {}: the host has no interface '{}'",
                    network.name,
                    parent.value_or("with a default route"))
            .with_hint("'ip link' lists the interfaces; -o parent=NAME chooses one");
    }
    const bool is_ipvlan = network.driver == Driver::ipvlan;
    std::vector<Request> requests;
    requests.push_back(make_slave(
        {.name = endpoint.container_interface,
         .kind = std::string(to_string(network.driver)),
         .parent = link->index,
         .mode = is_ipvlan ? ipvlan_mode(network.mode) : macvlan_mode(network.mode),
         .mtu = network.mtu,
         .namespace_fd = container.fd(),
         .mac = is_ipvlan ? std::nullopt : std::optional(MacAddress::parse(endpoint.mac))}));
    try {
        host.request_all(requests);
    } catch (const SysError& error) {
        say_what_is_missing(error, fmt::format("{} interfaces", to_string(network.driver)));
    }
}

}  // namespace

void check_mode(Driver driver, std::string_view mode) {
    (void)(driver == Driver::ipvlan ? ipvlan_mode(mode) : macvlan_mode(mode));
}

std::string bridge_mark(const Network& network) {
    return fmt::format("nau: {}", network.id);
}

HostChange ensure_bridge(NetlinkSocket& host, const Network& network) {
    ensure_forwarding(network);
    const auto link = find_link(host, network.interface);
    if (link && is_complete(*link, network)) {
        return {};
    }
    if (link) {
        check_is_ours(*link, network);
    }
    doing([&] { return fmt::format("network {}", network.name); },
          [&] { make_and_mark(host, network); });
    return {.made_bridge = true};
}

void remove_bridge(NetlinkSocket& host, const Network& network) {
    const auto link = find_link(host, network.interface);
    if (link && link->kind == "bridge" && link->alias == bridge_mark(network)) {
        std::vector<Request> requests;
        requests.push_back(delete_link(network.interface));
        host.request_all(requests);
    }
}

void attach(NetlinkSocket& host, ContainerNamespace& container, const Endpoint& endpoint) {
    if (endpoint.network.driver == Driver::bridge) {
        make_pair(host, container, endpoint);
    } else {
        make_slave_interface(host, container, endpoint);
    }
    NAU_FAIL_POINT("network.attach.made");
    const auto link = find_link(container.netlink(), endpoint.container_interface);
    if (!link) {
        throw Error(ErrorKind::unavailable, "interface {} has gone", endpoint.container_interface);
    }
    add_addresses_and_routes(container, endpoint, *link);
}

void add_default_routes(ContainerNamespace& container, const Endpoint& endpoint) {
    if (const auto link = find_link(container.netlink(), endpoint.container_interface)) {
        std::vector<Request> requests;
        append_default_routes(endpoint, *link, requests);
        container.netlink().request_all(requests);
    }
}

void detach(NetlinkSocket& host, ContainerNamespace& container, const Endpoint& endpoint) {
    std::vector<Request> requests;
    if (!endpoint.host_interface.empty()) {
        requests.push_back(delete_link(endpoint.host_interface));
        host.request_all(requests);
        return;
    }
    requests.push_back(delete_link(endpoint.container_interface));
    container.netlink().request_all(requests);
}

std::optional<std::string> default_route_interface(NetlinkSocket& host) {
    constexpr uint32_t main_table = 254;
    for (const Route& route : list_routes(host)) {
        if (route.destination.length != 0 || route.link == 0 || route.table != main_table) {
            continue;
        }
        for (const Link& link : list_links(host)) {
            if (link.index == route.link) {
                return link.name;
            }
        }
    }
    return std::nullopt;
}

std::string make_interface_name() {
    std::array<char, 6> bytes{};
    sys::fill_random(std::as_writable_bytes(std::span(bytes)));
    return "nv" + to_hex({bytes.data(), bytes.size()});
}

}  // namespace nau::network
