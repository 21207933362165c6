#include <algorithm>
#include <array>

#include "base/error.h"
#include "engine/container/container_config.h"
#include "engine/container/lifecycle.h"
#include "engine/container/task.h"
#include "engine/engine.h"

namespace nau::engine {

namespace {

/// The word behind "container:", as it was typed when the container was created.
std::optional<std::string> shared_with(const std::string& mode) {
    constexpr std::string_view kPrefix = "container:";
    if (!mode.starts_with(kPrefix)) {
        return std::nullopt;
    }
    return mode.substr(kPrefix.size());
}

std::vector<std::string> dependencies_of(const ContainerConfig& config) {
    std::vector<std::string> words = config.required_containers;
    for (const auto* mode : {&config.network_mode,
                             &config.pid_mode,
                             &config.ipc_mode,
                             &config.uts_mode,
                             &config.cgroupns_mode,
                             &config.userns_mode}) {
        if (auto word = shared_with(*mode)) {
            words.push_back(*std::move(word));
        }
    }
    return words;
}

struct Node {
    storage::ContainerId id;
    std::vector<storage::ContainerId> needs;
    bool is_seen = false;
};

/// Depth first, so that a dependent comes before what it needs. Names may have been given so that
/// they go in a circle: each is looked at once.
void collect(std::vector<Node>& nodes,
             const storage::ContainerId& wanted,
             std::vector<storage::ContainerId>& found) {
    for (auto& node : nodes) {
        if (node.is_seen ||
            std::find(node.needs.begin(), node.needs.end(), wanted) == node.needs.end()) {
            continue;
        }
        node.is_seen = true;
        collect(nodes, node.id, found);
        found.push_back(node.id);
    }
}

}  // namespace

std::vector<std::string> dependents_of(Engine& engine, const std::string& name_or_id) {
    const auto wanted = find_container(engine, name_or_id);
    auto& containers = engine.store_for_reading().records().containers;
    std::vector<Node> nodes;
    for (const auto& summary : containers.list(engine.name_space())) {
        const auto record = containers.find(summary.id);
        if (!record) {
            continue;
        }
        Node node{.id = summary.id, .needs = {}};
        for (const auto& word : dependencies_of(parse_container_config(record->config))) {
            if (const auto id = containers.resolve(engine.name_space(), word);
                id && *id != summary.id) {
                node.needs.push_back(*id);
            }
        }
        nodes.push_back(std::move(node));
    }
    std::vector<storage::ContainerId> found;
    collect(nodes, wanted, found);
    std::vector<std::string> ids;
    for (const auto& id : found) {
        if (id != wanted) {
            ids.push_back(id.to_string());
        }
    }
    return ids;
}

}  // namespace nau::engine
