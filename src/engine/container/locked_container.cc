#include "engine/container/locked_container.h"

#include "base/error.h"
#include "engine/container/task.h"
#include "engine/engine.h"

namespace nau::engine {

std::optional<LockedContainer> lock_container(Engine& engine, const storage::ContainerId& id) {
    storage::Store& store = engine.store_for_writing();
    auto lock = storage::ContainerLock::acquire(store.paths(), id);
    auto container = find_summary(store, id);
    if (!container) {
        lock.remove_file();  // it was made by looking for a container that is gone
        return std::nullopt;
    }
    return LockedContainer{.lock = std::move(lock), .container = *std::move(container)};
}

LockedContainer get_locked(Engine& engine, const std::string& name_or_id) {
    (void)engine.store_for_writing();
    const auto id = find_container(engine, name_or_id);
    // While the lock was waited for, it may have been given another name.
    if (auto locked = lock_container(engine, id);
        locked &&
        (locked->container.name == name_or_id || id.to_string().starts_with(name_or_id))) {
        return *std::move(locked);
    }
    throw Error(ErrorKind::not_found, "container '{}' is gone", name_or_id);
}

}  // namespace nau::engine
