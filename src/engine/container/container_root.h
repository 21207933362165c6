#pragma once

// Where the root file system of a container lies: in its snapshot above the layers of its image,
// or, of one made with --rootfs, in a directory of the host, with or without a writable layer above
// it. Such a directory is somebody else's: nothing here removes it. Internal to the engine.

#include "engine/container/container_config.h"
#include "storage/records/containers.h"
#include "storage/snapshots/snapshotter.h"
#include "storage/store.h"

namespace nau::engine {

/// Makes the writable layer above --rootfs DIR:O when nobody has yet.
/// @throws Error{not_found} a layer that has to be unpacked again
storage::MountSpec root_of_container(storage::Store& store, const storage::Container& record);

/// The directory of --rootfs; empty: the container has an image.
std::string rootfs_directory_of(const storage::Container& record);

/// @throws Error{not_found}, {invalid} when `path` is no directory
void check_rootfs(const std::string& path);

}  // namespace nau::engine
