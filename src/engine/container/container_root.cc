#include "engine/container/container_root.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "sys/file.h"

namespace nau::engine {

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

void make_rootfs_overlay(const ContainerConfig& config) {
    if (config.rootfs_overlay.empty()) {
        return;
    }
    const struct ::stat below = sys::stat(config.rootfs);
    sys::make_directories(config.rootfs_overlay + "/work", 0700);
    const std::string upper = config.rootfs_overlay + "/upper";
    sys::make_directories(upper, 0755);
    const sys::UniqueFd fd = sys::open(upper, O_RDONLY | O_DIRECTORY);
    sys::fchown(fd.get(), below.st_uid, below.st_gid);
    sys::fchmod(fd.get(), below.st_mode & 07777);
}

}  // namespace nau::engine
