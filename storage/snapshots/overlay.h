#pragma once

// Snapshots for overlayfs: each layer is a directory of its own, `fs`, in the form that overlayfs
// takes as a lower layer, and a stack is a list of such directories. Committing is a row. Nothing
// is mounted here.
//
//   snapshots/<number>/fs     the layer, or a container's upper directory
//   snapshots/<number>/work   overlayfs's own, while active

#include <string>
#include <vector>

#include "storage/snapshots/directory_snapshotter.h"

namespace nau::storage {

class OverlaySnapshotter final : public DirectorySnapshotter {
  public:
    OverlaySnapshotter(Database& db,
                       const Paths& paths,
                       const Clock& clock,
                       LayerForm form,
                       std::string boot_id,
                       FurtherLayers further = {});

    std::string_view name() const noexcept override { return "overlay"; }
    bool can_rebase() const noexcept override { return true; }
    MountSpec mount_spec(const SnapshotKey& key) override;
    std::vector<std::filesystem::path> lower_dirs(const oci::ChainId& chain_id) override;

  private:
    void make_tree(const Snapshot& snapshot) override;
    LayerForm form() const noexcept override { return form_; }
    void set_root_attributes(const Snapshot& snapshot);

    LayerForm form_;
};

}  // namespace nau::storage
