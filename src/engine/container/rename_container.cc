#include <fmt/core.h>

#include "base/error.h"
#include "engine/container/container_name.h"
#include "engine/container/lifecycle.h"
#include "engine/container/locked_container.h"
#include "engine/engine.h"
#include "engine/system/record_event.h"

namespace nau::engine {

void rename_container(Engine& engine, const std::string& name_or_id, const std::string& name) {
    check_container_name(name);
    LockedContainer locked = get_locked(engine, name_or_id);
    const auto& container = locked.container;
    if (container.name == name) {
        throw Error(ErrorKind::invalid, "the container has the name '{}' already", name);
    }
    storage::Store& store = engine.store_for_writing();
    doing([&] { return fmt::format("renaming {}", name_or_id); },
          [&] {
              storage::Transaction tx(store.db());
              store.records().containers.rename(tx, container.id, name);
              tx.commit(storage::Durability::durable);
          });
    record_event(engine,
                 {.action = "rename",
                  .id = container.id.to_string(),
                  .name = name,
                  .image = container.image_name,
                  .attributes = {{"oldName", container.name}}});
}

}  // namespace nau::engine
