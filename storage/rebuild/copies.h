#pragma once

// Copies beside the database of what cannot be found out without it: which names the images have
// (images.json), which directory holds which layer (layers.json), and each container's record
// (records/<id>.json). They are never read while the database is well, so they may lag behind it; a
// lost or damaged database is rebuilt from them.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/paths.h"
#include "storage/records/containers.h"
#include "storage/records/images.h"
#include "storage/snapshots/snapshotter.h"

namespace nau::storage {

/// Writes images.json where it differs from `images`.
void write_image_copies(const Paths& paths, const std::vector<Image>& images);
/// What can be read of it; absent: nothing.
std::vector<Image> read_image_copies(const Paths& paths);

/// Writes layers.json where it differs. Whether a tree is complete on the disk is only known as
/// long as the machine is up: the list is worth nothing in another boot.
void write_layer_copies(const Paths& paths,
                        const std::vector<Snapshot>& layers,
                        std::string_view boot_id);
/// Empty when it is of another boot. Directories may be gone.
std::vector<Snapshot> read_layer_copies(const Paths& paths, std::string_view boot_id);

struct ContainerCopy {
    Container container;
    int64_t snapshot_number = 0;
    std::optional<oci::ChainId> parent = {};  ///< of the snapshot
    std::vector<std::string> volumes = {};    ///< names of what it mounts
};

/// Not synced: it would cost more than all the rest of `create`.
void write_container_copy(const Paths& paths, const ContainerCopy& copy);
/// All that can be read; what cannot is told of in a warning.
std::vector<ContainerCopy> read_container_copies(const Paths& paths);
/// Absent is fine.
void remove_container_copy(const Paths& paths, const ContainerId& id);
/// Those of containers that have no record; they were killed while being removed.
void remove_orphaned_copies(const Paths& paths, Containers& containers);

}  // namespace nau::storage
