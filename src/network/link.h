#pragma once

// Links, addresses and routes of the network namespace in which the socket was made: one function
// per question, and requests as data, so that several go to the kernel at once.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/address.h"
#include "network/netlink.h"

namespace nau::network {

/// What interface names may be: 1 to 15 bytes, no '/', no blanks, neither "." nor "..".
bool is_interface_name(std::string_view name) noexcept;

struct Link {
    int index = 0;
    std::string name;
    std::string kind;   ///< bridge, veth, …; empty: hardware and loopback
    std::string alias;  ///< what its maker wrote on it
    unsigned mtu = 0;
    int master = 0;  ///< index of the bridge it belongs to
    bool is_up = false;
    bool is_loopback = false;
};

Link parse_link(const NetlinkReply& reply);
std::optional<Link> find_link(NetlinkSocket& socket, std::string_view name);
std::vector<Link> list_links(NetlinkSocket& socket);

struct LinkAddress {
    int link = 0;
    IpPrefix prefix;
};
std::vector<LinkAddress> list_addresses(NetlinkSocket& socket);

struct Route {
    IpPrefix destination;
    std::optional<IpAddress> gateway;
    int link = 0;
    uint32_t table = 0;
};
/// Of both families, from all tables but the kernel's local one.
std::vector<Route> list_routes(NetlinkSocket& socket);

using Request = NetlinkSocket::Request;

struct VethRequest {
    std::string name;
    int master = 0;  ///< index of the bridge
    unsigned mtu = 0;
    std::string peer_name;
    int peer_namespace_fd = -1;
    MacAddress peer_mac;
};
struct BridgeRequest {
    std::string name;
    unsigned mtu = 0;
    MacAddress mac;     ///< its own for ever: containers remember it
    uint16_t vlan = 0;  ///< of all ports that do not say otherwise; 0: no filtering by VLAN
};
Request make_bridge(const BridgeRequest& bridge);
/// Both ends at once, the peer in the other namespace from its first moment: nothing has to be
/// moved or renamed, which would cost an RCU grace period.
Request make_veth(const VethRequest& veth);
struct SlaveRequest {
    std::string name;  ///< in the container
    std::string kind;  ///< macvlan or ipvlan
    int parent = 0;
    uint32_t mode = 0;  ///< MACVLAN_MODE_* or IPVLAN_MODE_*
    unsigned mtu = 0;
    int namespace_fd = -1;
    std::optional<MacAddress> mac;
};
Request make_slave(const SlaveRequest& slave);
/// No IPv6 address of its own: what is only a port of a bridge needs none.
Request disable_link_addresses(std::string_view name);
struct PortFlags {
    bool has_hairpin = false;  ///< the bridge sends back by the port what came in there
    bool is_isolated = false;  ///< nothing goes to other isolated ports
};
Request set_port_flags(std::string_view name, PortFlags flags);
Request set_link_up(std::string_view name);
Request set_link_alias(std::string_view name, std::string_view alias);
Request set_link_master(std::string_view name, int master);
Request delete_link(std::string_view name);
/// An address that is there already is success.
Request add_address(int link, std::string_view link_name, const IpPrefix& address);
/// `destination` length 0: the default route. Without a gateway the destination is on the link.
Request add_route(int link,
                  std::string_view link_name,
                  const IpPrefix& destination,
                  const std::optional<IpAddress>& gateway,
                  uint32_t metric);

}  // namespace nau::network
