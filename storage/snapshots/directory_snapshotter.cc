#include "storage/snapshots/directory_snapshotter.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "storage/snapshots/tree_usage.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

/// Deleting so many files takes a millisecond or two.
constexpr size_t kMaxEntriesToWaitFor = 256;

constexpr mode_t kPrivateMode = 0700;

void require_active(const Snapshot& snapshot) {
    if (snapshot.kind != SnapshotKind::active) {
        throw Error(ErrorKind::invalid,
                    "snapshot '{}' is {}, not active",
                    snapshot.key.to_string(),
                    to_string(snapshot.kind));
    }
}

}  // namespace

DirectorySnapshotter::DirectorySnapshotter(Database& db,
                                           const Paths& paths,
                                           const Clock& clock,
                                           std::string boot_id,
                                           FurtherLayers further)
    : db_(db),
      rows_(db),
      paths_(paths),
      trash_(paths),
      clock_(clock),
      boot_id_(std::move(boot_id)),
      further_(std::move(further)) {}

void DirectorySnapshotter::require_layer(const std::optional<oci::ChainId>& chain_id) {
    if (chain_id && !find_layer(*chain_id)) {
        fail_no_layer(*chain_id);
    }
}

std::optional<std::filesystem::path> DirectorySnapshotter::find_layer(
    const oci::ChainId& chain_id) {
    if (const auto found = rows_.find(SnapshotKey(chain_id))) {
        return paths_.snapshot_fs(found->number);
    }
    const auto directories = further_ ? further_(chain_id) : std::nullopt;
    return directories ? std::optional(directories->front()) : std::nullopt;
}

std::filesystem::path DirectorySnapshotter::parent_directory(const oci::ChainId& parent) {
    auto directory = find_layer(parent);
    if (!directory) {
        fail_no_layer(parent);
    }
    return *std::move(directory);
}

std::vector<std::filesystem::path> DirectorySnapshotter::stack_directories(const SnapshotKey& key) {
    const SnapshotChain chain = rows_.chain(key);
    if (chain.own.empty()) {
        throw Error(ErrorKind::not_found, "no snapshot '{}'", key.to_string());
    }
    std::vector<std::filesystem::path> directories;
    for (const auto& snapshot : chain.own) {
        if (snapshot.kind == SnapshotKind::committed) {
            directories.push_back(paths_.snapshot_fs(snapshot.number));
        }
    }
    if (chain.rest) {
        const auto further = further_directories(*chain.rest);
        directories.insert(directories.end(), further.begin(), further.end());
    }
    return directories;
}

std::vector<std::filesystem::path> DirectorySnapshotter::further_directories(
    const oci::ChainId& chain_id) {
    auto directories = further_ ? further_(chain_id) : std::nullopt;
    if (!directories) {
        fail_no_layer(chain_id);
    }
    return *std::move(directories);
}

Snapshot DirectorySnapshotter::prepare(Transaction& tx,
                                       const SnapshotKey& key,
                                       const std::optional<oci::ChainId>& parent,
                                       const PrepareOptions& options) {
    require_layer(parent);
    return rows_.insert(tx, key, SnapshotKind::active, parent, options, clock_.now());
}

Snapshot DirectorySnapshotter::view(Transaction& tx,
                                    const SnapshotKey& key,
                                    const oci::ChainId& parent,
                                    const PrepareOptions& options) {
    require_layer(parent);
    return rows_.insert(tx, key, SnapshotKind::view, parent, options, clock_.now());
}

void DirectorySnapshotter::make_directories(const Snapshot& snapshot) {
    if (snapshot.kind == SnapshotKind::view) {
        return;
    }
    NAU_FAIL_POINT("snapshots.make.before");
    const std::string directory = paths_.snapshot(snapshot.number);
    if (!sys::mkdir_if_missing(directory, kPrivateMode)) {
        // The number is ours, so this is half of an earlier attempt, or of a snapshot whose row a
        // power cut took back. Its content is not ours.
        (void)trash_.take(directory);  // absent: somebody else was faster
        sys::mkdir(directory, kPrivateMode);
    }
    make_tree(snapshot);
    NAU_FAIL_POINT("snapshots.make.after");
}

/// Of no use any more, if there is one. overlayfs leaves something in it when it was mounted.
void DirectorySnapshotter::discard_work(int64_t number) {
    const auto work = paths_.snapshot_work(number);
    if (::rmdir(work.c_str()) != 0 && errno != ENOENT) {
        (void)trash_.take(work);
    }
}

void DirectorySnapshotter::ensure_directories(const Snapshot& snapshot) {
    if (!sys::lstat_if_exists(paths_.snapshot_fs(snapshot.number))) {
        make_directories(snapshot);
    }
}

Snapshot DirectorySnapshotter::commit(const SnapshotKey& key,
                                      const oci::ChainId& chain_id,
                                      const CommitInfo& info) {
    const bool is_synced = info.sync == SyncState::synced;
    NAU_FAIL_POINT("snapshots.commit.before");
    if (is_synced) {
        const auto fs = sys::open(paths_.snapshot_fs(get(key).number), O_RDONLY | O_DIRECTORY);
        sys::syncfs(fs.get());
    }
    Transaction tx(db_);
    const Snapshot active = get(key);
    require_active(active);
    const auto existing = find(SnapshotKey(chain_id));
    if (existing) {
        (void)rows_.remove(tx, key);
    } else {
        const auto& parent = info.parent ? info.parent : active.parent;
        require_layer(parent);
        rows_.set_committed(tx, active, chain_id, parent, info, is_synced ? "" : boot_id_);
    }
    rows_.hand_lease_on(tx, active, chain_id);
    tx.commit(is_synced ? Durability::durable : Durability::relaxed);
    NAU_FAIL_POINT("snapshots.commit.after");
    if (existing) {
        discard(active);
    } else {
        discard_work(active.number);
    }
    return get(SnapshotKey(chain_id));
}

size_t DirectorySnapshotter::sync_pending() {
    const auto numbers = rows_.list_unsynced(boot_id_);
    if (numbers.empty()) {
        return 0;
    }
    const auto directory = sys::open(paths_.snapshots(), O_RDONLY | O_DIRECTORY);
    doing("syncing unpacked layers", [&] { sys::syncfs(directory.get()); });
    NAU_FAIL_POINT("snapshots.sync.before_clear");
    Transaction tx(db_);
    rows_.clear_unsynced(tx, numbers);
    tx.commit(Durability::durable);
    return numbers.size();
}

std::vector<oci::ChainId> DirectorySnapshotter::discard_unsynced_of_other_boots() {
    Transaction tx(db_);
    const auto lost = rows_.remove_unsynced_of_other_boots(tx, boot_id_);
    tx.commit(Durability::relaxed);
    std::vector<oci::ChainId> chain_ids;
    for (const auto& snapshot : lost) {
        NAU_FAIL_POINT("snapshots.discard_unsynced.before");
        discard(snapshot);
        chain_ids.push_back(oci::ChainId::parse(snapshot.key.to_string()));
    }
    return chain_ids;
}

std::optional<Snapshot> DirectorySnapshotter::find(const SnapshotKey& key) {
    return rows_.find(key);
}

std::vector<Snapshot> DirectorySnapshotter::list() {
    return rows_.list();
}

std::vector<Snapshot> DirectorySnapshotter::list_committed() {
    return rows_.list_committed();
}

ApplyTarget DirectorySnapshotter::apply_target(const SnapshotKey& key) {
    const Snapshot snapshot = get(key);
    require_active(snapshot);
    ensure_directories(snapshot);
    return {.directory = paths_.snapshot_fs(snapshot.number), .form = form()};
}

SnapshotUsage DirectorySnapshotter::usage(const SnapshotKey& key) {
    const Snapshot snapshot = get(key);
    if (snapshot.size_bytes && snapshot.inodes) {
        return {.size_bytes = *snapshot.size_bytes, .inodes = *snapshot.inodes};
    }
    if (snapshot.kind == SnapshotKind::view ||
        !sys::lstat_if_exists(paths_.snapshot_fs(snapshot.number))) {
        return {};
    }
    const SnapshotUsage usage = measure_tree(paths_.snapshot_fs(snapshot.number));
    // A committed tree does not change any more. Someone in a transaction keeps his own order.
    if (snapshot.kind == SnapshotKind::committed && !db_.in_transaction()) {
        Transaction tx(db_);
        rows_.set_usage(tx, snapshot.number, usage);
        tx.commit(Durability::relaxed);
    }
    return usage;
}

std::optional<Snapshot> DirectorySnapshotter::remove(Transaction& tx, const SnapshotKey& key) {
    return rows_.remove(tx, key);
}

bool DirectorySnapshotter::discard(const Snapshot& snapshot) {
    if (snapshot.kind == SnapshotKind::view) {
        return false;
    }
    NAU_FAIL_POINT("snapshots.discard.before");
    const auto directory = paths_.snapshot(snapshot.number);
    // Most containers write a few files; what is left half deleted by a crash is an orphan.
    if (sys::remove_tree_within(directory, kMaxEntriesToWaitFor)) {
        return false;
    }
    return trash_.take(directory);
}

bool DirectorySnapshotter::throw_away(const Snapshot& snapshot) {
    return snapshot.kind != SnapshotKind::view && trash_.take(paths_.snapshot(snapshot.number));
}

size_t DirectorySnapshotter::discard_orphans() {
    // First the directories, then the rows: a row is committed before its directory is made, so a
    // directory seen now has one, or never will.
    const auto entries = sys::list_directory_if_exists(paths_.snapshots());
    size_t discarded = 0;
    for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
        const auto number = Paths::parse_snapshot_name(entry.name);
        if (number && rows_.has_number(*number)) {
            continue;
        }
        NAU_LOG_DEBUG("snapshot directory {} belongs to nobody", entry.name);
        discarded += trash_.take(paths_.snapshots() / entry.name) ? 1 : 0;
    }
    return discarded;
}

}  // namespace nau::storage
