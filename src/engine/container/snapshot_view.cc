#include "engine/container/snapshot_view.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "runtime/rootfs.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

using storage::MountKind;
using storage::MountSpec;

std::vector<std::string> texts_of(const std::vector<std::filesystem::path>& paths) {
    return {paths.begin(), paths.end()};
}

/// Layers together as a readable directory; the detached mount lives as long as it.
sys::UniqueFd open_stack(std::vector<std::string> directories) {
    if (directories.empty()) {
        return {};
    }
    runtime::RootfsSpec rootfs;
    rootfs.kind = runtime::RootfsKind::overlay;
    rootfs.lower_dirs = std::move(directories);
    rootfs.read_only = true;
    const sys::UniqueFd mount = runtime::open_rootfs(rootfs);
    return sys::openat(mount.get(), ".", O_RDONLY | O_DIRECTORY);
}

sys::UniqueFd open_directory(const std::string& path) {
    return sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

storage::LayerForm form_of(const MountSpec& mount) {
    return mount.has_user_xattrs ? storage::LayerForm::overlay_user
                                 : storage::LayerForm::overlay_trusted;
}

}  // namespace

SnapshotView open_own_layer(const MountSpec& mount) {
    SnapshotView view;
    if (mount.kind == MountKind::bind) {
        view.own = open_directory(mount.upper.empty() ? mount.lower_dirs.front() : mount.upper);
        if (!mount.origin.empty()) {
            view.below = open_directory(mount.origin);
        }
        return view;
    }
    view.own = open_directory(mount.upper);
    view.below = open_stack(texts_of(mount.lower_dirs));
    view.form = form_of(mount);
    return view;
}

SnapshotView open_top_layer(storage::Snapshotter& snapshots, const oci::ChainId& chain_id) {
    std::vector<std::string> below = texts_of(snapshots.lower_dirs(chain_id));
    SnapshotView view;
    view.own = open_directory(below.front());
    if (!snapshots.can_rebase()) {
        const auto layer = snapshots.find(chain_id);
        if (layer && layer->parent) {
            view.below = open_directory(snapshots.lower_dirs(*layer->parent).front());
        }
        return view;
    }
    below.erase(below.begin());
    view.below = open_stack(std::move(below));
    view.form = storage::LayerForm::overlay_trusted;
    return view;
}

sys::UniqueFd open_merged(const MountSpec& mount) {
    if (mount.kind == MountKind::bind) {
        return open_directory(mount.upper.empty() ? mount.lower_dirs.front() : mount.upper);
    }
    // The writable layer as the uppermost read-only one: the mount that a running container has may
    // not be made a second time, and needs not be.
    std::vector<std::string> directories = texts_of(mount.lower_dirs);
    directories.insert(directories.begin(), mount.upper);
    return open_stack(std::move(directories));
}

bool has_changed_root(const SnapshotView& view) {
    const struct ::stat own = sys::fstat(view.own.get());
    if (!view.below) {
        return (own.st_mode & 07777U) != 0755 || own.st_uid != 0 || own.st_gid != 0;
    }
    const struct ::stat below = sys::fstat(view.below.get());
    return own.st_mode != below.st_mode || own.st_uid != below.st_uid || own.st_gid != below.st_gid;
}

std::set<std::string, std::less<>> mount_points_of(const storage::Container& record) {
    std::set<std::string, std::less<>> places;
    const json::Value spec = json::parse(record.spec, "runtime spec of the container");
    const auto mounts = json::Field(spec, "runtime spec of the container").find("mounts");
    if (!mounts) {
        return places;
    }
    for (const auto& mount : mounts->elements()) {
        const std::string place = mount.at("destination").as_string();
        const size_t begin = std::min(place.find_first_not_of('/'), place.size());
        places.insert(place.substr(begin));
    }
    return places;
}

}  // namespace nau::engine
