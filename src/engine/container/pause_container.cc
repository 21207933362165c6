#include <fmt/core.h>

#include "base/error.h"
#include "engine/container/lifecycle.h"
#include "engine/container/locked_container.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/system/record_event.h"

namespace nau::engine {

namespace {

using storage::ContainerStatus;

void write_status(storage::Store& store,
                  storage::ContainerSummary& container,
                  ContainerStatus status) {
    container.state.status = status;
    storage::Transaction tx(store.db());
    store.records().containers.set_state(tx, container.id, container.state);
    tx.commit(storage::Durability::relaxed);
}

/// The running container's groups. @throws Error{invalid} saying what it is instead
std::unique_ptr<runtime::cgroup::CgroupManager> cgroup_of_running(
    storage::Store& store, const storage::ContainerSummary& container) {
    if (!find_init(store, container.state)) {
        throw Error(ErrorKind::invalid,
                    "container {} is not running, it is {}",
                    container.name,
                    storage::to_string(actual_state(store, container.id, container.state).status));
    }
    auto cgroup = open_cgroup_of(store, container.id);
    if (!cgroup) {
        throw Error(
            ErrorKind::unsupported, "container {} has no control group to freeze", container.name);
    }
    return cgroup;
}

}  // namespace

void pause_container(Engine& engine, const std::string& name_or_id) {
    LockedContainer locked = get_locked(engine, name_or_id);
    storage::Store& store = engine.store_for_writing();
    const auto cgroup = cgroup_of_running(store, locked.container);
    if (cgroup->is_frozen()) {
        throw Error(ErrorKind::invalid, "container {} is already paused", locked.container.name);
    }
    doing([&] { return fmt::format("pausing {}", name_or_id); },
          [&] {
              // The word first: whoever reads it asks the freezer, but nobody who does not find it
              // would.
              write_status(store, locked.container, ContainerStatus::paused);
              cgroup->freeze();
          });
    record_event(engine, container_event(locked.container, "pause"));
}

void unpause_container(Engine& engine, const std::string& name_or_id) {
    LockedContainer locked = get_locked(engine, name_or_id);
    storage::Store& store = engine.store_for_writing();
    const auto cgroup = cgroup_of_running(store, locked.container);
    const bool was_frozen = cgroup->is_frozen();
    if (!was_frozen && locked.container.state.status != ContainerStatus::paused) {
        throw Error(ErrorKind::invalid, "container {} is not paused", locked.container.name);
    }
    doing([&] { return fmt::format("unpausing {}", name_or_id); },
          [&] {
              cgroup->thaw();
              write_status(store, locked.container, ContainerStatus::running);
          });
    if (!was_frozen) {
        throw Error(ErrorKind::invalid, "container {} is not paused", locked.container.name);
    }
    record_event(engine, container_event(locked.container, "unpause"));
}

void thaw_for_end(storage::Store& store, const storage::ContainerSummary& container) {
    if (container.state.status != ContainerStatus::paused) {
        return;
    }
    if (const auto cgroup = open_cgroup_of(store, container.id); cgroup && cgroup->exists()) {
        cgroup->thaw();
    }
}

}  // namespace nau::engine
