#pragma once

// Images mounted read-only in the host's mount namespace, below the run root, as
// container/mount_container.h does it with containers. A lease keeps the layers while it lasts, so
// that an image may be removed meanwhile; after another boot the mount is gone and the lease means
// nothing.

#include <string>
#include <vector>

#include "engine/container/mount_container.h"

namespace nau::engine {

/// Idempotent; layers that a power cut took are unpacked again. @throws Error{not_found}, {invalid}
/// when the image has no layers
MountedRoot mount_image(Engine& engine, const std::string& name_or_id);
/// Also of an image whose names are gone, by its id or the beginning of it. Returns the id.
/// @throws Error{not_found}, {invalid} when it is not mounted and `is_forgiving` is not set
std::string unmount_image(Engine& engine, const std::string& name_or_id, bool is_forgiving);
/// Those of this namespace, by id.
std::vector<MountedRoot> list_mounted_images(Engine& engine);

/// Removes the leases of mounts that a reboot, or somebody with umount, has ended.
void forget_unmounted_images(Engine& engine);

}  // namespace nau::engine
