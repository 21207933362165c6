#pragma once

// What the snapshotters that keep a directory for each snapshot have in common: rows, numbers, life
// cycle and clean-up. What is in the directories, and how it is mounted, the derived classes say.
//
//   snapshots/<number>/…   the numbers are short, because mount options are limited to a page, and
//   never used twice, because somebody may still be renaming the old directory away.

#include <functional>
#include <string>
#include <vector>

#include "base/time.h"
#include "storage/paths.h"
#include "storage/snapshots/rows.h"
#include "storage/snapshots/snapshotter.h"
#include "storage/trash.h"

namespace nau::storage {

/// Directories of a stack in additional stores, top first.
using FurtherLayers =
    std::function<std::optional<std::vector<std::filesystem::path>>(const oci::ChainId&)>;

class DirectorySnapshotter : public Snapshotter {
  public:
    /// `boot_id` is that of the running kernel.
    DirectorySnapshotter(Database& db,
                         const Paths& paths,
                         const Clock& clock,
                         std::string boot_id,
                         FurtherLayers further = {});

    using Snapshotter::find;
    using Snapshotter::prepare;
    using Snapshotter::remove;

    Snapshot prepare(Transaction& tx,
                     const SnapshotKey& key,
                     const std::optional<oci::ChainId>& parent,
                     const PrepareOptions& options) override;
    void make_directories(const Snapshot& snapshot) override;
    Snapshot view(Transaction& tx,
                  const SnapshotKey& key,
                  const oci::ChainId& parent,
                  const PrepareOptions& options) override;
    Snapshot commit(const SnapshotKey& key,
                    const oci::ChainId& chain_id,
                    const CommitInfo& info) override;
    size_t sync_pending() override;
    std::vector<oci::ChainId> discard_unsynced_of_other_boots() override;
    std::optional<Snapshot> find(const SnapshotKey& key) override;
    std::vector<Snapshot> list() override;
    std::vector<Snapshot> list_committed() override;
    std::optional<std::filesystem::path> find_layer(const oci::ChainId& chain_id) override;
    ApplyTarget apply_target(const SnapshotKey& key) override;
    SnapshotUsage usage(const SnapshotKey& key) override;
    std::optional<Snapshot> remove(Transaction& tx, const SnapshotKey& key) override;
    bool discard(const Snapshot& snapshot) override;
    bool throw_away(const Snapshot& snapshot) override;
    size_t discard_orphans() override;

  protected:
    /// Makes what is in the snapshot's directory, which is new and empty; `fs` must appear last,
    /// and complete: who finds it finds all.
    virtual void make_tree(const Snapshot& snapshot) = 0;
    virtual LayerForm form() const noexcept = 0;

    SnapshotRows& rows() noexcept { return rows_; }
    const Paths& paths() const noexcept { return paths_; }
    void ensure_directories(const Snapshot& snapshot);
    /// @throws Error{not_found} the parent is neither here nor in an additional store
    std::filesystem::path parent_directory(const oci::ChainId& parent);
    /// The directories of the committed ones of a stack, top first, those of additional stores
    /// included. @throws Error{not_found} the key, or a layer below it
    std::vector<std::filesystem::path> stack_directories(const SnapshotKey& key);
    /// Of a stack that begins in an additional store. @throws Error{not_found}
    std::vector<std::filesystem::path> further_directories(const oci::ChainId& chain_id);

  private:
    void discard_work(int64_t number);
    void require_layer(const std::optional<oci::ChainId>& chain_id);

    Database& db_;
    SnapshotRows rows_;
    const Paths& paths_;
    Trash trash_;
    const Clock& clock_;
    std::string boot_id_;
    FurtherLayers further_;
};

}  // namespace nau::storage
