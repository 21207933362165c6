#pragma once

// What a user may ask of a container's network: --network, --publish and their kin as data. Parsing
// is pure; what depends on the host or on records (which networks there are, which port is free) is
// decided when the container is created.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "network/address.h"

namespace nau::engine {

/// The name of the network that containers get when nothing else is asked for.
inline constexpr std::string_view kDefaultNetwork = "nau";

/// One network of a container, as --network NAME:ip=…,mac=…,alias=… has it.
struct NetworkRequest {
    std::string name;  ///< or id; of the default network kDefaultNetwork
    std::vector<std::string> addresses = {};
    std::string mac = {};
    std::vector<std::string> aliases = {};
    std::string interface_name = {};  ///< inside; empty: eth0, eth1, …
    friend bool operator==(const NetworkRequest&, const NetworkRequest&) = default;
};

/// -p [ADDRESS:][HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]: one or a range of ports.
struct PortRequest {
    std::optional<network::IpAddress> host_address = {};
    uint16_t host_port = 0;  ///< 0: any free one
    uint16_t container_port = 0;
    uint16_t count = 1;
    std::string protocol = "tcp";
    friend bool operator==(const PortRequest&, const PortRequest&) = default;
};

/// --expose and an image's EXPOSE: ports that --publish-all publishes.
struct ExposedPort {
    uint16_t first = 0;
    uint16_t count = 1;
    std::string protocol = "tcp";
    friend bool operator==(const ExposedPort&, const ExposedPort&) = default;
};

struct NetworkOptions {
    /// Empty: what nau.conf's default_network says. none, host, container:ID, ns:PATH, or "bridge":
    /// then `networks` says which.
    std::string mode;
    std::vector<NetworkRequest> networks;
    std::vector<PortRequest> ports;
    std::vector<ExposedPort> exposed_ports;
    bool publishes_all = false;
    std::string address;  ///< --ip, for the only network
    std::string address6;
    std::string mac;
    std::vector<std::string> aliases;
    std::optional<std::string> hostname;
    bool omits_hostname_file = false;  ///< --no-hostname: /etc/hostname stays the image's
    bool omits_hosts_file = false;     ///< --no-hosts: /etc/hosts stays the image's
    std::string hosts_file;  ///< --hosts-file: what /etc/hosts begins with; "none", "image"
    std::string domainname;
    std::vector<std::pair<std::string, std::string>> add_hosts;  ///< name, address
    std::vector<std::string> dns_servers;
    std::vector<std::string> dns_search;
    std::vector<std::string> dns_options;
};

/// One --network, added to `options`. @throws Error{invalid}, {unsupported}
void apply_network_flag(std::string_view text, NetworkOptions& options);

/// @throws Error{invalid} when it is no address of that family
void check_ipv4_address(std::string_view text);
void check_ipv6_address(std::string_view text);

/// @throws Error{invalid} naming the text
PortRequest parse_publish_flag(std::string_view text);
ExposedPort parse_expose_flag(std::string_view text);

/// What contradicts itself, whatever the host is like. @throws Error{invalid}
void check_network_options(const NetworkOptions& options);

}  // namespace nau::engine
