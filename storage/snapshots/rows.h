#pragma once

// The table `snapshots`, for all implementations of Snapshotter. The life cycle is drawn in
// snapshotter.h.

#include <optional>
#include <string_view>
#include <vector>

#include "storage/db/database.h"
#include "storage/snapshots/snapshotter.h"

namespace nau::storage {

/// A snapshot and its ancestors, nearest first, as far as they are in this store.
struct SnapshotChain {
    std::vector<Snapshot> own = {};
    /// The next one, which has to be unpacked again, or lies in an additional store.
    std::optional<oci::ChainId> rest = {};
};

[[noreturn]] void fail_no_layer(const oci::ChainId& chain_id);

class SnapshotRows {
  public:
    explicit SnapshotRows(Database& db) : db_(db) {}

    /// Kind active or view. Whether there is a parent, the caller has looked.
    /// @throws Error{already_exists}
    Snapshot insert(Transaction& tx,
                    const SnapshotKey& key,
                    SnapshotKind kind,
                    const std::optional<oci::ChainId>& parent,
                    const PrepareOptions& options,
                    Time now);
    /// Turns an active row into a committed one, whose parent is `parent`; `unsynced_boot` may be
    /// empty. @pre there is no snapshot of that chainID, and the parent is there
    void set_committed(Transaction& tx,
                       const Snapshot& active,
                       const oci::ChainId& chain_id,
                       const std::optional<oci::ChainId>& parent,
                       const CommitInfo& info,
                       std::string_view unsynced_boot);
    /// A committed one that is there without a row, with its own number; one of the same key or
    /// number wins. It counts as unsynced.
    void restore(Transaction& tx, const Snapshot& layer, std::string_view unsynced_boot);
    /// The lease of `active` (if it has one) keeps the committed stack as well.
    void hand_lease_on(Transaction& tx, const Snapshot& active, const oci::ChainId& chain_id);

    std::optional<Snapshot> find(const SnapshotKey& key);
    std::vector<Snapshot> list();
    std::vector<Snapshot> list_committed();
    bool has_number(int64_t number);
    /// Empty when there is no snapshot of that key.
    SnapshotChain chain(const SnapshotKey& key);

    /// @throws Error{in_use} naming a child
    std::optional<Snapshot> remove(Transaction& tx, const SnapshotKey& key);

    /// Committed and marked with this boot.
    std::vector<int64_t> list_unsynced(std::string_view boot_id);
    void clear_unsynced(Transaction& tx, const std::vector<int64_t>& numbers);
    /// Removes the rows of all committed snapshots that another boot left unsynced, and of all
    /// committed ones above them.
    std::vector<Snapshot> remove_unsynced_of_other_boots(Transaction& tx, std::string_view boot_id);

    void set_usage(Transaction& tx, int64_t number, const SnapshotUsage& usage);

  private:
    Database& db_;
};

}  // namespace nau::storage
