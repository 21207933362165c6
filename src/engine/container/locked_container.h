#pragma once

// A container under its lock: resolved first, then locked, then read again, since what was found
// may have gone meanwhile. Internal to the engine; what every verb begins with that changes one.

#include <optional>
#include <string>

#include "storage/lock.h"
#include "storage/store.h"

namespace nau::engine {

class Engine;

struct LockedContainer {
    storage::ContainerLock lock;
    storage::ContainerSummary container;
};

/// nullopt when it is gone.
std::optional<LockedContainer> lock_container(Engine& engine, const storage::ContainerId& id);
/// @throws Error{not_found}
LockedContainer get_locked(Engine& engine, const std::string& name_or_id);

}  // namespace nau::engine
