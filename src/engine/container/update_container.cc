#include "engine/container/update_container.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "engine/container/container_config.h"
#include "engine/container/locked_container.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/spec/devices.h"
#include "engine/spec/spec_parts.h"
#include "engine/system/record_event.h"
#include "oci/runtime_spec.h"

namespace nau::engine {

namespace {

void change_variables(json::Value& spec, const UpdateOptions& options) {
    if (options.env.empty() && options.unset_env.empty()) {
        return;
    }
    auto env = spec["process"]["env"].get<std::vector<std::string>>();
    const auto remove = [&](const std::string& name) {
        std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(name + "="); });
    };
    for (const auto& name : options.unset_env) {
        remove(name);
    }
    for (const auto& [name, value] : options.env) {
        remove(name);
        env.push_back(fmt::format("{}={}", name, value));
    }
    spec["process"]["env"] = env;
}

/// The record's configuration with another policy.
std::string with_restart_policy(const storage::Container& record,
                                const std::string& policy,
                                bool is_running) {
    ContainerConfig config = parse_container_config(record.config);
    if (is_running && policy != config.restart_policy) {
        throw Error(ErrorKind::invalid,
                    "the restart policy of container {} cannot change while it runs",
                    record.name)
            .with_hint("'nau stop' it first");
    }
    if (config.auto_remove && policy != "no") {
        throw Error(ErrorKind::invalid,
                    "container {} is to go at its end (--rm), so it cannot be restarted",
                    record.name);
    }
    config.restart_policy = policy;
    return to_json_text(config);
}

}  // namespace

std::string update_container(Engine& engine,
                             const std::string& name_or_id,
                             const UpdateOptions& options) {
    const oci::spec::Resources limits =
        build_limits(options.resources, resolve_block_io(options.resources.block_io));
    LockedContainer locked = get_locked(engine, name_or_id);
    storage::Store& store = engine.store_for_writing();
    const auto& container = locked.container;
    const auto record = store.records().containers.get(container.id);
    json::Value spec = json::parse(record.spec, "runtime spec of the container");
    spec["linux"]["resources"].merge_patch(oci::to_json(limits));
    change_variables(spec, options);
    doing([&] { return fmt::format("updating {}", name_or_id); },
          [&] {
              const bool is_running = find_init(store, container.state).has_value();
              const std::string config =
                  options.restart_policy
                      ? with_restart_policy(record, *options.restart_policy, is_running)
                      : record.config;
              if (is_running) {
                  if (const auto cgroup = open_cgroup_of(store, container.id)) {
                      cgroup->update(limits);
                  }
              }
              storage::Transaction tx(store.db());
              store.records().containers.set_spec(tx, container.id, json::to_text(spec));
              store.records().containers.set_config(tx, container.id, config);
              tx.commit(storage::Durability::durable);
          });
    record_event(engine, container_event(container, "update"));
    return container.id.to_string();
}

}  // namespace nau::engine
