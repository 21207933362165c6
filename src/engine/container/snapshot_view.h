#pragma once

// A snapshot's files for reading, without a mount in any namespace: the merged tree as a detached
// read-only mount, its own layer as the directory that it is. Nothing is changed, whoever writes to
// the snapshot meanwhile. Internal to the engine.

#include <set>
#include <string>

#include "storage/layers/layer_form.h"
#include "storage/records/containers.h"
#include "storage/snapshots/snapshotter.h"
#include "sys/unique_fd.h"

namespace nau::storage {
class Store;
}

namespace nau::engine {

/// What a snapshot (an active one, or a committed layer) brings, and what lies below it.
struct SnapshotView {
    sys::UniqueFd own;    ///< readable
    sys::UniqueFd below;  ///< readable, merged; none when nothing lies below
    /// merged: `own` is a whole tree, begun as a copy of `below`.
    storage::LayerForm form = storage::LayerForm::merged;
};

/// Of a container's root file system.
SnapshotView open_own_layer(const storage::MountSpec& mount);
/// Of the top layer of an image, which is unpacked.
SnapshotView open_top_layer(storage::Snapshotter& snapshots, const oci::ChainId& chain_id);

/// All layers together, readable.
sys::UniqueFd open_merged(const storage::MountSpec& mount);

/// Whether the root directory itself was changed: mode, owner or attributes.
bool has_changed_root(const SnapshotView& view);

/// Where the container's spec mounts something, relative to its root: "etc/hosts".
std::set<std::string, std::less<>> mount_points_of(const storage::Container& record);

}  // namespace nau::engine
