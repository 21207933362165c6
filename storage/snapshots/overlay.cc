#include "storage/snapshots/overlay.h"

#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

constexpr mode_t kPrivateMode = 0700;
constexpr mode_t kRootMode = 0755;  // of a tree without parent
constexpr mode_t kModeBits = 07777;

}  // namespace

OverlaySnapshotter::OverlaySnapshotter(Database& db,
                                       const Paths& paths,
                                       const Clock& clock,
                                       LayerForm form,
                                       std::string boot_id,
                                       FurtherLayers further)
    : DirectorySnapshotter(db, paths, clock, std::move(boot_id), std::move(further)), form_(form) {}

void OverlaySnapshotter::make_tree(const Snapshot& snapshot) {
    sys::mkdir(paths().snapshot_work(snapshot.number), kPrivateMode);
    NAU_FAIL_POINT("snapshots.make.middle");
    sys::mkdir(paths().snapshot_fs(snapshot.number), kRootMode);
    set_root_attributes(snapshot);
}

/// What a container sees as "/" is its upper directory's mode and owner: those of the image.
void OverlaySnapshotter::set_root_attributes(const Snapshot& snapshot) {
    const std::string fs = paths().snapshot_fs(snapshot.number);
    const auto own = sys::lstat(fs);
    mode_t mode = kRootMode;
    if (snapshot.parent) {
        const auto parent =
            sys::lstat(snapshot.parent_number != 0 ? paths().snapshot_fs(snapshot.parent_number)
                                                   : parent_directory(*snapshot.parent));
        mode = parent.st_mode & kModeBits;
        if ((parent.st_uid != own.st_uid || parent.st_gid != own.st_gid) &&
            ::lchown(fs.c_str(), parent.st_uid, parent.st_gid) != 0) {
            throw SysError(errno, "change the owner of {}", fs);
        }
    }
    if ((own.st_mode & kModeBits) != mode) {
        sys::chmod(fs, mode);  // after the owner: chown clears setuid bits
    }
}

MountSpec OverlaySnapshotter::mount_spec(const SnapshotKey& key) {
    MountSpec spec;
    spec.lower_dirs = stack_directories(key);
    const Snapshot top = get(key);
    spec.is_read_only = top.kind != SnapshotKind::active;
    spec.has_user_xattrs = form_ == LayerForm::overlay_user;
    // overlayfs wants an upper directory or two lower ones; less than that is a plain directory.
    const bool is_plain = spec.lower_dirs.size() + (spec.is_read_only ? 0 : 1) < 2;
    spec.kind = is_plain ? MountKind::bind : MountKind::overlay;
    if (!spec.is_read_only) {
        ensure_directories(top);
        spec.upper = paths().snapshot_fs(top.number);
        if (!is_plain) {
            spec.work = paths().snapshot_work(top.number);
        }
    }
    return spec;
}

std::vector<std::filesystem::path> OverlaySnapshotter::lower_dirs(const oci::ChainId& chain_id) {
    return find(SnapshotKey(chain_id)) ? stack_directories(SnapshotKey(chain_id))
                                       : further_directories(chain_id);
}

}  // namespace nau::storage
