#include <fmt/core.h>

#include "base/error.h"
#include "engine/container/container_config.h"
#include "engine/container/lifecycle.h"
#include "engine/container/locked_container.h"
#include "engine/container/start_container.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "sys/file.h"

namespace nau::engine {

void init_container(Engine& engine, const std::string& name_or_id) {
    LockedContainer locked = get_locked(engine, name_or_id);
    storage::Store& store = engine.store_for_writing();
    if (find_init(store, locked.container.state)) {
        throw Error(ErrorKind::invalid,
                    "container '{}' cannot be initialised, it is {}",
                    name_or_id,
                    storage::to_string(locked.container.state.status));
    }
    settle_container(engine, locked.lock, locked.container);
    const auto record = get_container(store, locked.container.id);
    doing([&] { return fmt::format("initialising {}", name_or_id); },
          [&] {
              (void)open_container_rootfs(store, record);
              for (const auto& mount : parse_container_config(record.config).mounts) {
                  if (!mount.source.empty() && !sys::stat_if_exists(mount.source)) {
                      throw Error(ErrorKind::not_found,
                                  "'{}', which is mounted at '{}', does not exist",
                                  mount.source,
                                  mount.destination);
                  }
              }
          });
}

}  // namespace nau::engine
