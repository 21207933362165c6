#include "engine/container/container_tree.h"

#include <algorithm>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/container/locked_container.h"
#include "engine/container/start_container.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "oci/runtime_spec.h"
#include "sys/file.h"
#include "sys/mount.h"
#include "sys/namespace.h"
#include "sys/process.h"

namespace nau::engine {

namespace {

/// The process may end while we look: then the root is somebody else's.
std::optional<sys::DirFd> open_root_of(storage::Store& store,
                                       const storage::ContainerState& state) {
    const auto init = find_init(store, state);
    if (!init) {
        return std::nullopt;
    }
    try {
        auto root = sys::DirFd::open_root(fmt::format("/proc/{}/root", state.init.pid));
        if (!sys::has_ended(init->get())) {
            return root;
        }
    } catch (const SysError& error) {
        if (error.error() != ENOENT && error.error() != ESRCH) {
            throw;
        }
    }
    return std::nullopt;
}

ContainerTree live_tree(sys::DirFd root, const storage::Container& record, ContainerConfig config) {
    ContainerTree tree{.root = std::move(root),
                       .id = record.id,
                       .config = std::move(config),
                       .mount_namespace = sys::UniqueFd(),
                       .lock = {}};
    if (!tree.config.userns_mode.empty()) {
        auto spec = oci::parse_runtime_spec(record.spec);
        tree.uids = std::move(spec.linux_.uid_mappings);
        tree.gids = std::move(spec.linux_.gid_mappings);
    }
    return tree;
}

void attach(int mount_fd, int directory_fd) {
    sys::move_mount(mount_fd, directory_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/// A bind or volume where the container has it. One that cannot be had is left out: the copy may
/// well be about something else, and a place without its mount is still a place.
void attach_mount(const sys::DirFd& root, const RecordedMount& mount) {
    const auto status = sys::stat_if_exists(mount.source);
    if (!status) {
        return;
    }
    const sys::UniqueFd tree = sys::open_tree(
        AT_FDCWD, mount.source, OPEN_TREE_CLONE | (mount.is_recursive ? AT_RECURSIVE : 0U));
    if (mount.is_read_only) {
        sys::mount_setattr(tree.get(),
                           "",
                           AT_EMPTY_PATH | AT_RECURSIVE,
                           {.set = MOUNT_ATTR_RDONLY, .clear = 0, .propagation = 0});
    }
    if (S_ISDIR(status->st_mode)) {
        attach(tree.get(), root.mkdir_all_in_root(mount.destination, 0755).fd());
        return;
    }
    if (const auto target = root.find_in_root(mount.destination, O_PATH)) {
        attach(tree.get(), target->get());
    }
}

sys::DirFd mount_stopped(storage::Store& store,
                         const storage::Container& record,
                         const ContainerConfig& config) {
    const sys::UniqueFd rootfs = open_container_rootfs(store, record);
    sys::unshare(CLONE_NEWNS);
    // Nothing of what follows may be seen by others; what they mount may appear here.
    sys::mount("", "/", "", MS_REC | MS_SLAVE);
    const std::string place = store.paths().container_directory(record.id).string();
    sys::make_directories(place, 0700);
    sys::move_mount(rootfs.get(), AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH);
    sys::DirFd root = sys::DirFd::open_root(place);
    std::vector<RecordedMount> mounts = config.mounts;
    std::stable_sort(mounts.begin(), mounts.end(), [](const auto& a, const auto& b) {
        return std::count(a.destination.begin(), a.destination.end(), '/') <
               std::count(b.destination.begin(), b.destination.end(), '/');
    });
    for (const auto& mount : mounts) {
        if (!mount.source.empty() && mount.overlay_root.empty()) {
            attach_mount(root, mount);
        }
    }
    return root;
}

}  // namespace

ContainerTree open_container_tree(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_writing();
    const auto id = find_container(engine, name_or_id);
    auto record = get_container(store, id);
    ContainerConfig config = parse_container_config(record.config);
    if (auto root = open_root_of(store, record.state)) {
        return live_tree(*std::move(root), record, std::move(config));
    }
    LockedContainer locked = get_locked(engine, name_or_id);
    if (auto root = open_root_of(store, locked.container.state)) {  // started meanwhile
        return live_tree(*std::move(root), record, std::move(config));
    }
    settle_container(engine, locked.lock, locked.container);
    record = get_container(store, id);
    sys::DirFd root = mount_stopped(store, record, config);
    return {.root = std::move(root),
            .id = id,
            .config = std::move(config),
            .mount_namespace = sys::open_own_namespace(sys::NamespaceKind::mount),
            .lock = std::move(locked.lock)};
}

runtime::ResolvedUser user_of(const ContainerTree& tree) {
    return runtime::resolve_user(tree.root, tree.config.user);
}

}  // namespace nau::engine
