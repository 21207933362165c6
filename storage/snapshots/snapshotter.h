#pragma once

// Layer stacks as file trees. A Snapshotter knows where the trees are and who needs them; it mounts
// nothing: it returns mount specs, plain data that the child of a container mounts in its own mount
// namespace.
//
//                prepare(parent)                    commit(chainID)
//      parent ──────────────────▶ active (writable) ──────────────▶ committed (immutable, named by
//   (committed)                        │                                       chainID)
//             └── view(parent) ─▶ view │ remove
//                                  └───┴──────▶ gone: row first, then the tree is renamed into the
//                                               trash, then deleted, now or later
//
// - A key names a snapshot: a chainID when it is committed, else what the owner chose (a
// container's
//   id; "unpack-…" for a layer being unpacked). Committed snapshots are shared by all namespaces.
// - A parent is always committed, and stays while it has children.
// - Each row is committed before its directories are made and deleted before they are: a directory
//   without row is rubbish, a row without directories is repaired by mount_spec().
// - An active snapshot has an owner: its container (key = container id), or a lease. When the owner
//   is gone the collector removes it.
// - *Unsynced*: a committed snapshot whose files may not be on the disk yet carries the boot id.
//   sync_pending() clears the mark; after another boot such a snapshot is thrown away and unpacked
//   again from its blob, which is durable. A container above it keeps its own files.

#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "base/time.h"
#include "oci/digest.h"
#include "storage/container_id.h"
#include "storage/db/database.h"
#include "storage/layers/layer_form.h"

namespace nau::storage {

/// Never empty; at most 160 bytes of letters, digits, ".", "_", "-" and ":".
class SnapshotKey {
  public:
    /// @throws Error{invalid}
    static SnapshotKey parse(std::string_view text);
    /// A container's root file system.
    explicit SnapshotKey(const ContainerId& id) : text_(id.to_string()) {}
    /// A committed snapshot.
    explicit SnapshotKey(const oci::ChainId& chain_id) : text_(chain_id.to_string()) {}

    const std::string& to_string() const noexcept { return text_; }
    friend bool operator==(const SnapshotKey&, const SnapshotKey&) noexcept = default;
    friend auto operator<=>(const SnapshotKey&, const SnapshotKey&) noexcept = default;

  private:
    explicit SnapshotKey(std::string text) : text_(std::move(text)) {}

    std::string text_;
};

enum class SnapshotKind { active, view, committed };
/// "active", "view", "committed"
std::string_view to_string(SnapshotKind kind) noexcept;

struct Snapshot {
    SnapshotKey key;
    SnapshotKind kind = SnapshotKind::active;
    std::optional<oci::ChainId> parent = {};
    int64_t number = 0;         ///< of its directory
    int64_t parent_number = 0;  ///< 0: no parent, or it has to be unpacked again
    Time created = {};
    /// The lease that keeps it alive; empty when a container does.
    std::string lease = {};
    /// The boot in which it was committed without sync; empty: durable.
    std::string unsynced_boot = {};
    /// Of its own layer, without parents; known once it has been asked for or given at commit.
    std::optional<uint64_t> size_bytes = {};
    std::optional<uint64_t> inodes = {};
    std::map<std::string, std::string> labels = {};
};

enum class MountKind {
    overlay,  ///< lower_dirs (at least one), upper and work unless read-only
    bind,     ///< `upper` when writable, else the only lower_dirs entry, is the tree itself
};

/// Plain data for whoever mounts. All paths absolute.
struct MountSpec {
    MountKind kind = MountKind::overlay;
    std::vector<std::filesystem::path> lower_dirs = {};  ///< top first
    std::filesystem::path upper = {};                    ///< empty when read-only
    std::filesystem::path work = {};                     ///< empty when read-only or bind
    /// Of a writable tree that began as a copy: what it was copied from.
    std::filesystem::path origin = {};
    bool is_read_only = false;
    /// The upper layer need not survive a power cut (overlayfs "volatile").
    bool is_volatile = false;
    /// Mount with "userxattr".
    bool has_user_xattrs = false;
};

/// Where the changeset of an active snapshot is written when a layer is unpacked.
struct ApplyTarget {
    std::filesystem::path directory = {};
    LayerForm form = LayerForm::overlay_trusted;
};

struct PrepareOptions {
    /// Empty: the container whose id is the key owns it.
    std::string lease = {};
    std::map<std::string, std::string> labels = {};
};

enum class SyncState {
    synced,    ///< commit() itself makes the files durable first
    unsynced,  ///< marked; sync_pending() later
};

struct CommitInfo {
    SyncState sync = SyncState::unsynced;
    /// Layers may be unpacked side by side, before their parents are committed: prepare() each
    /// without parent, commit bottom up and name the parent here. Only if can_rebase().
    std::optional<oci::ChainId> parent = {};
    std::optional<uint64_t> size_bytes = {};
    std::optional<uint64_t> inodes = {};
    std::map<std::string, std::string> labels = {};
};

struct SnapshotUsage {
    uint64_t size_bytes = 0;  ///< blocks on the disk, hard links once
    uint64_t inodes = 0;
    uint64_t content_bytes = 0;  ///< lengths of the files; only of measure_tree()
};

class Snapshotter {
  public:
    Snapshotter() = default;
    Snapshotter(const Snapshotter&) = delete;
    Snapshotter& operator=(const Snapshotter&) = delete;
    virtual ~Snapshotter() = default;

    virtual std::string_view name() const noexcept = 0;
    /// Whether a layer's directory is independent of its parent's (see CommitInfo::parent).
    virtual bool can_rebase() const noexcept = 0;

    /// A new writable snapshot. Two steps, so that the row can join the caller's transaction:
    /// prepare() writes it, and after the commit make_directories() makes its directories.
    /// @throws Error{already_exists} the key, {not_found} the parent
    virtual Snapshot prepare(Transaction& tx,
                             const SnapshotKey& key,
                             const std::optional<oci::ChainId>& parent,
                             const PrepareOptions& options) = 0;
    /// Once, after prepare() is committed; nothing for a view. The root of the tree gets the
    /// parent's mode and owner. Should the process die before, mount_spec() makes up for it.
    virtual void make_directories(const Snapshot& snapshot) = 0;
    /// Both steps in a relaxed transaction of its own.
    Snapshot prepare(Database& db,
                     const SnapshotKey& key,
                     const std::optional<oci::ChainId>& parent,
                     const PrepareOptions& options = {});

    /// A read-only snapshot: keeps its parent in use. It has no directories.
    virtual Snapshot view(Transaction& tx,
                          const SnapshotKey& key,
                          const oci::ChainId& parent,
                          const PrepareOptions& options) = 0;

    /// Turns an active snapshot into a committed one. When there is one of that chainID already
    /// (somebody else was faster), the active one is removed and the existing one returned.
    /// Nothing may write to it any more. @throws Error{not_found}, {invalid} not active
    virtual Snapshot commit(const SnapshotKey& key,
                            const oci::ChainId& chain_id,
                            const CommitInfo& info) = 0;

    /// Makes everything durable that was committed unsynced in this boot (one syncfs) and clears
    /// the marks; returns how many there were.
    virtual size_t sync_pending() = 0;
    /// Throws away what was committed unsynced in another boot, and the committed snapshots above
    /// it; returns their chainIDs. Containers above keep their own files.
    virtual std::vector<oci::ChainId> discard_unsynced_of_other_boots() = 0;

    virtual std::optional<Snapshot> find(const SnapshotKey& key) = 0;
    std::optional<Snapshot> find(const oci::ChainId& chain_id) {
        return find(SnapshotKey(chain_id));
    }
    /// @throws Error{not_found}
    Snapshot get(const SnapshotKey& key);
    /// By number.
    virtual std::vector<Snapshot> list() = 0;
    /// The layers only: a listing of images need not read a row for each container.
    virtual std::vector<Snapshot> list_committed() = 0;

    /// @throws Error{not_found} the key, or a layer below it that has to be unpacked again
    virtual MountSpec mount_spec(const SnapshotKey& key) = 0;
    /// The directories of a committed stack, top first. @throws Error{not_found}
    virtual std::vector<std::filesystem::path> lower_dirs(const oci::ChainId& chain_id) = 0;
    /// The directory of a committed layer, here or in an additional store, whatever there is below
    /// it; nullopt: it has to be unpacked.
    virtual std::optional<std::filesystem::path> find_layer(const oci::ChainId& chain_id) = 0;
    /// Where to unpack. @throws Error{not_found}, {invalid} not active
    virtual ApplyTarget apply_target(const SnapshotKey& key) = 0;

    /// Of the snapshot's own layer. Committed: kept in the row.
    virtual SnapshotUsage usage(const SnapshotKey& key) = 0;

    /// The row, in the caller's transaction. nullopt when there was none. After the commit:
    /// discard() of what was returned. @throws Error{in_use} when it has children
    virtual std::optional<Snapshot> remove(Transaction& tx, const SnapshotKey& key) = 0;
    /// Deletes a small tree, renames a big one into the trash: quick, whatever the size. Absent is
    /// fine. true: something is in the trash now.
    virtual bool discard(const Snapshot& snapshot) = 0;
    /// Renames it into the trash whatever its size: the least work for who removes many. Absent is
    /// fine. true: something is in the trash now.
    virtual bool throw_away(const Snapshot& snapshot) = 0;
    /// Both; false when there was none. The tree itself is deleted by Trash::empty().
    bool remove(Database& db, const SnapshotKey& key);

    /// Directories without rows go to the trash; returns how many.
    virtual size_t discard_orphans() = 0;
};

}  // namespace nau::storage
