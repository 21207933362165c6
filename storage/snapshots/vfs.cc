#include "storage/snapshots/vfs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "storage/layers/copy_tree.h"
#include "storage/snapshots/tree_usage.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

constexpr mode_t kRootMode = 0755;  // of a tree without parent

}  // namespace

void VfsSnapshotter::make_tree(const Snapshot& snapshot) {
    const auto fs = paths().snapshot_fs(snapshot.number);
    if (!snapshot.parent) {
        sys::mkdir(fs, kRootMode);
        if ((sys::lstat(fs).st_mode & 07777U) != kRootMode) {
            sys::chmod(fs, kRootMode);  // the umask
        }
        return;
    }
    const auto parent = sys::open(parent_directory(*snapshot.parent), O_RDONLY | O_DIRECTORY);
    const auto unfinished = paths().snapshot_copy(snapshot.number);
    sys::mkdir(unfinished, kRootMode);
    const auto target = sys::open(unfinished, O_RDONLY | O_DIRECTORY);
    doing([&] { return fmt::format("copying layer {}", snapshot.parent->to_string()); },
          [&] { copy_tree(parent.get(), target.get()); });
    if (snapshot.lease.empty()) {
        // A container outlives a power cut, and nobody could copy it once more.
        sys::syncfs(target.get());
    }
    NAU_FAIL_POINT("snapshots.make.middle");
    sys::rename(unfinished, fs);
}

Snapshot VfsSnapshotter::commit(const SnapshotKey& key,
                                const oci::ChainId& chain_id,
                                const CommitInfo& info) {
    if (info.parent && info.parent != get(key).parent) {
        throw Error(ErrorKind::invalid,
                    "snapshot '{}' was not copied from layer {}",
                    key.to_string(),
                    info.parent->to_string());
    }
    return DirectorySnapshotter::commit(key, chain_id, info);
}

SnapshotUsage VfsSnapshotter::usage(const SnapshotKey& key) {
    const Snapshot snapshot = get(key);
    const auto fs = paths().snapshot_fs(snapshot.number);
    const bool has_tree = snapshot.kind != SnapshotKind::view && sys::lstat_if_exists(fs);
    return has_tree ? measure_tree(fs) : SnapshotUsage{};
}

MountSpec VfsSnapshotter::mount_spec(const SnapshotKey& key) {
    const Snapshot snapshot = get(key);
    MountSpec spec;
    spec.kind = MountKind::bind;
    spec.is_read_only = snapshot.kind != SnapshotKind::active;
    if (snapshot.kind == SnapshotKind::active) {
        ensure_directories(snapshot);
        spec.upper = paths().snapshot_fs(snapshot.number);
        if (snapshot.parent) {
            spec.origin = parent_directory(*snapshot.parent);
        }
    } else if (snapshot.kind == SnapshotKind::view) {
        spec.lower_dirs = lower_dirs(snapshot.parent.value());
    } else {
        spec.lower_dirs = {paths().snapshot_fs(snapshot.number)};
    }
    return spec;
}

std::vector<std::filesystem::path> VfsSnapshotter::lower_dirs(const oci::ChainId& chain_id) {
    return {parent_directory(chain_id)};
}

}  // namespace nau::storage
