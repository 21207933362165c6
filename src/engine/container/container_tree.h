#pragma once

// The files of a container as its processes see them, or would see them: of a running one the root
// of its first process, of any other its root file system with binds and volumes in place, mounted
// in a mount namespace that this process makes for itself. Internal to the engine.

#include <optional>
#include <string>

#include "engine/container/container_config.h"
#include "engine/spec/user_namespace.h"
#include "runtime/users.h"
#include "storage/lock.h"
#include "storage/store.h"
#include "sys/dir_fd.h"

namespace nau::engine {

class Engine;

struct ContainerTree {
    sys::DirFd root;
    storage::ContainerId id;
    ContainerConfig config;
    /// Of one that runs in a user namespace: what its ids are in `root`, where nobody else can own
    /// a file. Empty: ids are those inside.
    IdMappings uids = {};
    IdMappings gids = {};
    /// Of a container that does not run: the namespace that its mounts are in, which must outlive a
    /// second one's.
    sys::UniqueFd mount_namespace;
    /// While it does not run, nobody may start it.
    std::optional<storage::ContainerLock> lock;
};

/// @post this process may be in a mount namespace of its own: paths of the host stay valid
/// @throws Error{not_found}
ContainerTree open_container_tree(Engine& engine, const std::string& name_or_id);

/// Who the container's processes are, unless they are told otherwise.
runtime::ResolvedUser user_of(const ContainerTree& tree);

}  // namespace nau::engine
