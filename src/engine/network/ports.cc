// What containers publish, and what of it is reachable.

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parse.h"
#include "engine/container/container_config.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/network/container_network.h"
#include "engine/network/networks.h"
#include "network/configure.h"
#include "network/foreign_rules.h"
#include "network/keeper_client.h"
#include "network/sysctl.h"

namespace nau::engine {

std::vector<PortMapping> container_ports(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_reading();
    const auto id = find_container(engine, name_or_id);
    const auto config = parse_container_config(store.records().containers.get(id).config);
    std::vector<PortMapping> mappings;
    for (const auto& port : config.ports) {
        mappings.push_back({.container = fmt::format("{}/{}", port.container_port, port.protocol),
                            .host = network::host_side(port)});
        if (!port.host_address) {
            mappings.push_back({.container = mappings.back().container,
                                .host = fmt::format("[::]:{}", port.host_port)});
        }
    }
    return mappings;
}

std::map<std::string, std::string> list_port_texts(Engine& engine) {
    return engine.store_for_reading().records().networks.list_ports();
}

nlohmann::json check_networks(Engine& engine) {
    using json = nlohmann::json;
    storage::Store& store = engine.store_for_reading();
    network::KeeperClient keeper(store.paths().networks());
    const auto status = keeper.status();
    json published = json::array();
    for (const auto& attachment : network::read_attachments(store.paths().networks())) {
        for (const auto& port : attachment.ports) {
            const bool is_local = port.host_address && port.host_address->is_loopback();
            published.push_back({{"container", attachment.container_name},
                                 {"port", fmt::format("{}/{}", port.container_port, port.protocol)},
                                 {"host", network::host_side(port)},
                                 {"reachable", is_local ? "from this host only" : "from outside"}});
        }
    }
    json problems = json::array();
    const bool has_containers = !network::read_attachments(store.paths().networks()).empty();
    if (has_containers && !status) {
        problems.push_back("the network keeper does not run: 'nau network reload' starts it");
    }
    if (has_containers && network::read_sysctl("net/ipv4/ip_forward") != "1") {
        problems.push_back("net.ipv4.ip_forward is off: containers do not reach the world");
    }
    for (auto& finding : network::find_foreign_obstacles(status ? status->value("table", "nau")
                                                                : std::string("nau"))) {
        problems.push_back(std::move(finding));
    }
    return {
        {"published", std::move(published)},
        {"keeper",
         status ? json{{"pid", status->value("pid", 0)},
                       {"table", status->value("table", "")},
                       {"owned", status->value("isOwned", false)}}
                : json(nullptr)},
        {"sysctls",
         {{"net.ipv4.ip_forward", network::read_sysctl("net/ipv4/ip_forward")},
          {"net.ipv6.conf.all.forwarding", network::read_sysctl("net/ipv6/conf/all/forwarding")},
          {"net.bridge.bridge-nf-call-iptables",
           network::read_sysctl("net/bridge/bridge-nf-call-iptables")}}},
        {"problems", std::move(problems)}};
}

}  // namespace nau::engine
