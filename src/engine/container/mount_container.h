#pragma once

// Root file systems of containers mounted in the host's mount namespace, for tools that work on a
// directory: with those of images, the one exception to the rule that nau mounts nothing there. A
// start of the container takes a copy of the mount.
//
// Whether something is mounted is asked from the kernel, so there is nothing to count and nothing
// that a killed command or another boot leaves wrong: mounting twice is mounting once.

#include <string>
#include <vector>

#include "storage/container_id.h"

namespace nau::storage {
class Store;
}

namespace nau::engine {

class Engine;

struct MountedRoot {
    std::string id;  ///< of the container, or the image: hexadecimal digits
    std::vector<std::string> names;
    std::string path;  ///< absolute
};

/// Idempotent. A running container's root is the one that it has.
/// @throws Error{not_found}
MountedRoot mount_container(Engine& engine, const std::string& name_or_id);
/// Busy files do not prevent it: the mount is gone for who comes next. Returns the id.
/// @throws Error{not_found}, {invalid} when it is not mounted and `is_forgiving` is not set
std::string unmount_container(Engine& engine, const std::string& name_or_id, bool is_forgiving);
/// Those of this namespace, by id.
std::vector<MountedRoot> list_mounted_containers(Engine& engine);

/// What a removal does first. Nothing when it is not mounted.
/// @pre the caller holds the container's lock
void drop_container_mount(storage::Store& store, const storage::ContainerId& id);

}  // namespace nau::engine
