#pragma once

// Verbs on networks, and on ports.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/network/network_options.h"

namespace nau::engine {

class Engine;

struct CreateNetworkOptions {
    std::string name;
    std::string driver = "bridge";
    std::vector<std::string> subnets = {};
    std::vector<std::string> gateways = {};
    std::vector<std::string> ranges = {};
    std::vector<std::string> routes = {};  ///< "DESTINATION,GATEWAY[,METRIC]"
    std::vector<std::string> dns_servers = {};
    std::vector<std::pair<std::string, std::string>> options = {};  ///< -o
    std::map<std::string, std::string> labels = {};
    std::string interface_name = {};
    bool is_internal = false;
    bool has_ipv6 = false;
    bool omits_dns = false;
    bool ignores_existing = false;  ///< success when it is there already
    bool has_addresses = true;      ///< false: containers find some themselves, or do without
};

/// Returns the name. @throws Error
std::string create_network(Engine& engine, const CreateNetworkOptions& options);

/// podman's shape, one object each. Filters: name, id, driver, label, dangling, internal, type,
/// scope, until.
std::vector<nlohmann::json> list_networks(
    Engine& engine, const std::vector<std::pair<std::string, std::string>>& filters);
/// With the running containers in it. @throws Error{not_found}
nlohmann::json inspect_network(Engine& engine, const std::string& name_or_id);
bool network_exists(Engine& engine, const std::string& name_or_id);

/// Returns its name. @throws Error{in_use} while containers are in it, unless `is_forced`: then
/// they are removed
std::string remove_network(Engine& engine, const std::string& name_or_id, bool is_forced);
/// Removes what no container uses; returns the names.
std::vector<std::string> prune_networks(
    Engine& engine, const std::vector<std::pair<std::string, std::string>>& filters);

/// Connects a container, at once if it runs. @throws Error{already_exists} when it is in it
void connect_network(Engine& engine, const NetworkRequest& request, const std::string& container);
/// @throws Error{invalid} when it is not in it
void disconnect_network(Engine& engine,
                        const std::string& network,
                        const std::string& container,
                        bool is_forced);

/// Rules, bridges, ports and names of all running containers anew. Returns warnings.
std::vector<std::string> reload_networks(Engine& engine);

struct PortMapping {
    std::string container;  ///< "80/tcp"
    std::string host;       ///< "0.0.0.0:8080"
};
std::vector<PortMapping> container_ports(Engine& engine, const std::string& name_or_id);
/// "0.0.0.0:8080->80/tcp, …" of each container that publishes ports, by id.
std::map<std::string, std::string> list_port_texts(Engine& engine);

/// What is reachable from outside, and what is in its way. Lines for people.
nlohmann::json check_networks(Engine& engine);

}  // namespace nau::engine
