#include "engine/container/container_root.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

/// Upper and work directory above `directory`, whose root looks like it. Made by whoever needs them
/// first, so that a command killed after the record was written leaves nothing out; the upper one
/// appears when it is complete, and what the container does to its root is never undone.
void ensure_overlay(const std::string& overlay, const std::string& directory) {
    const std::string upper = overlay + "/upper";
    if (sys::file_exists(upper)) {
        return;
    }
    const struct ::stat below = sys::stat(directory);
    sys::make_directories(overlay + "/work", 0700);
    const std::string unfinished = overlay + "/upper.new";
    sys::make_directories(unfinished, 0755);
    const sys::UniqueFd fd = sys::open(unfinished, O_RDONLY | O_DIRECTORY);
    sys::fchown(fd.get(), below.st_uid, below.st_gid);
    sys::fchmod(fd.get(), below.st_mode & 07777);
    try {
        // Never over one that is there: it may be mounted already.
        sys::rename_noreplace(unfinished, upper);
    } catch (const SysError&) {
        if (!sys::file_exists(upper)) {
            throw;
        }
    }
}

}  // namespace

std::string rootfs_directory_of(const storage::Container& record) {
    return record.image_id ? std::string() : parse_container_config(record.config).rootfs;
}

storage::MountSpec root_of_container(storage::Store& store, const storage::Container& record) {
    if (!record.image_id) {
        const ContainerConfig config = parse_container_config(record.config);
        if (!config.rootfs.empty() && config.rootfs_overlay.empty()) {
            return {.kind = storage::MountKind::bind, .upper = config.rootfs};
        }
        if (!config.rootfs.empty()) {
            ensure_overlay(config.rootfs_overlay, config.rootfs);
            return {.kind = storage::MountKind::overlay,
                    .lower_dirs = {config.rootfs},
                    .upper = config.rootfs_overlay + "/upper",
                    .work = config.rootfs_overlay + "/work"};
        }
    }
    return store.snapshots().mount_spec(storage::SnapshotKey::parse(record.snapshot_key));
}

void check_rootfs(const std::string& path) {
    const auto status = sys::stat_if_exists(path);
    if (!status) {
        throw Error(ErrorKind::not_found, "the root directory '{}' does not exist", path)
            .with_hint("--rootfs takes a directory of this machine in place of an image");
    }
    if (!S_ISDIR(status->st_mode)) {
        throw Error(ErrorKind::invalid, "the root '{}' is no directory", path)
            .with_hint("--rootfs takes a directory of this machine in place of an image");
    }
}

}  // namespace nau::engine
