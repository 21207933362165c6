#pragma once

// What a network is and what a container's place in it is, as values: made by the engine from its
// records, read by everything that configures the kernel. The JSON forms are kept in records and in
// the keeper's files.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "network/address.h"

namespace nau::network {

enum class Driver { bridge, macvlan, ipvlan };
std::string_view to_string(Driver driver) noexcept;
/// @throws Error{unsupported} naming the drivers there are
Driver parse_driver(std::string_view word);

struct Subnet {
    IpPrefix prefix;    ///< the network's first address
    IpAddress gateway;  ///< the bridge's own
    /// Addresses are given out from here to there; absent: all.
    std::optional<IpAddress> first = {};
    std::optional<IpAddress> last = {};
    friend bool operator==(const Subnet&, const Subnet&) = default;
};

struct StaticRoute {
    IpPrefix destination;
    IpAddress gateway;
    uint32_t metric = 0;
    friend bool operator==(const StaticRoute&, const StaticRoute&) = default;
};

struct Network {
    std::string id;
    std::string name;
    Driver driver = Driver::bridge;
    /// The bridge; with macvlan and ipvlan the host's interface (empty: that of its default route).
    std::string interface;
    std::vector<Subnet> subnets = {};
    std::vector<StaticRoute> routes = {};
    bool is_internal = false;
    bool is_isolated = true;
    bool has_dns = true;
    bool has_gateway = true;     ///< a default route for its containers
    bool has_masquerade = true;  ///< what goes out has the host's address
    bool has_neighbours = true;  ///< its containers reach each other
    unsigned mtu = 0;            ///< 0: the kernel's
    uint32_t metric = 0;         ///< of the default route
    uint16_t vlan = 0;           ///< of the bridge's ports; 0: they are not told apart
    std::string mode = {};       ///< of macvlan and ipvlan
    /// What interfaces inside are called, with a number behind it.
    std::string interface_prefix = "eth";
    /// Where ports are published that name no address of the host.
    std::optional<IpAddress> publish_address = {};
    std::vector<IpAddress> dns_servers = {};
    std::map<std::string, std::string> options = {};  ///< as they were given
    friend bool operator==(const Network&, const Network&) = default;

    bool has_ipv6() const noexcept;
};

nlohmann::json to_json(const Network& network);
/// @throws Error{corrupt}
Network parse_network(const nlohmann::json& value, std::string_view what);

/// One container in one network.
struct Endpoint {
    Network network;
    std::string host_interface;       ///< empty: none (macvlan, ipvlan)
    std::string container_interface;  ///< eth0, …
    std::string mac = {};
    std::vector<IpPrefix> addresses = {};
    std::vector<std::string> aliases = {};
    bool is_default_route = false;   ///< of IPv4
    bool is_default_route6 = false;  ///< of IPv6
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// In each family the first network that leads out and has an address for the container.
void choose_default_routes(std::vector<Endpoint>& endpoints);

/// -p: one port of the host, one of the container.
struct PublishedPort {
    std::optional<IpAddress> host_address = {};  ///< absent: any, of both families
    uint16_t host_port = 0;
    uint16_t container_port = 0;
    std::string protocol = "tcp";  ///< tcp, udp, sctp
    friend auto operator<=>(const PublishedPort&, const PublishedPort&) = default;
};
uint8_t protocol_number(std::string_view protocol);
/// "0.0.0.0:80", "[::1]:80", ":80" as people write it.
std::string host_side(const PublishedPort& port);

/// All that holds of a running container's network: the keeper's file about it.
struct Attachment {
    std::string container_id;
    std::string container_name;
    std::string host_name = {};
    std::vector<Endpoint> endpoints = {};
    std::vector<PublishedPort> ports = {};
    std::vector<IpAddress> dns_servers = {};  ///< --dns: asked instead of the host's
    friend bool operator==(const Attachment&, const Attachment&) = default;

    /// The first address of that family that ports can lead to.
    std::optional<IpAddress> address(bool is_v6) const noexcept;
};

std::string to_json_text(const Attachment& attachment);
/// @throws Error{corrupt}
Attachment parse_attachment(std::string_view text, std::string_view what);

}  // namespace nau::network
