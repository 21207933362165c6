#include "engine/container/update_container.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "engine/container/locked_container.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/spec/devices.h"
#include "engine/spec/spec_parts.h"
#include "engine/system/record_event.h"
#include "oci/runtime_spec.h"

namespace nau::engine {

std::string update_container(Engine& engine,
                             const std::string& name_or_id,
                             const ResourceOptions& resources) {
    const oci::spec::Resources limits =
        build_limits(resources, resolve_block_io(resources.block_io));
    LockedContainer locked = get_locked(engine, name_or_id);
    storage::Store& store = engine.store_for_writing();
    const auto& container = locked.container;
    const auto record = store.records().containers.get(container.id);
    json::Value spec = json::parse(record.spec, "runtime spec of the container");
    spec["linux"]["resources"].merge_patch(oci::to_json(limits));
    doing([&] { return fmt::format("updating {}", name_or_id); },
          [&] {
              if (find_init(store, container.state)) {
                  if (const auto cgroup = open_cgroup_of(store, container.id)) {
                      cgroup->update(limits);
                  }
              }
              storage::Transaction tx(store.db());
              store.records().containers.set_spec(tx, container.id, json::to_text(spec));
              tx.commit(storage::Durability::durable);
          });
    record_event(engine,
                 {.action = "update",
                  .id = container.id.to_string(),
                  .name = container.name,
                  .image = container.image_name,
                  .attributes = {}});
    return container.id.to_string();
}

}  // namespace nau::engine
