#pragma once

// Snapshots that are whole copies, for file systems on which overlayfs cannot work: each snapshot's
// `fs` is a complete tree, begun as a copy of its parent's. Slow, and large unless the file system
// shares blocks between copies, but it needs nothing of it.
//
//   snapshots/<number>/fs        the tree, complete
//   snapshots/<number>/fs-new    while it is copied
//
// A layer of a stack can only be unpacked when the one below it is there. A container has all its
// files; its parent is only what it is compared with.

#include <vector>

#include "storage/snapshots/directory_snapshotter.h"

namespace nau::storage {

class VfsSnapshotter final : public DirectorySnapshotter {
  public:
    using DirectorySnapshotter::DirectorySnapshotter;

    std::string_view name() const noexcept override { return "vfs"; }
    bool can_rebase() const noexcept override { return false; }
    /// What the row says it weighs is the layer's own weight: see usage().
    Snapshot commit(const SnapshotKey& key,
                    const oci::ChainId& chain_id,
                    const CommitInfo& info) override;
    /// Of the whole copy, measured each time.
    SnapshotUsage usage(const SnapshotKey& key) override;
    MountSpec mount_spec(const SnapshotKey& key) override;
    std::vector<std::filesystem::path> lower_dirs(const oci::ChainId& chain_id) override;

  private:
    void make_tree(const Snapshot& snapshot) override;
    LayerForm form() const noexcept override { return LayerForm::merged; }
};

}  // namespace nau::storage
