#include "engine/container/mount_container.h"

#include <algorithm>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/container/container_config.h"
#include "engine/container/locked_container.h"
#include "engine/container/start_container.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/system/record_event.h"
#include "sys/file.h"
#include "sys/mount.h"
#include "sys/namespace.h"
#include "sys/process.h"

namespace nau::engine {

namespace {

/// A copy of the root mount that the container's processes see. Only who is in its mount namespace
/// may copy it.
sys::UniqueFd copy_running_root(pid_t pid, int init_fd) {
    const sys::UniqueFd home = sys::open_own_namespace(sys::NamespaceKind::mount);
    const sys::UniqueFd there = sys::open_namespace_of(pid, sys::NamespaceKind::mount);
    if (sys::has_ended(init_fd)) {
        throw Error(ErrorKind::unavailable, "its first process has just ended");
    }
    sys::setns(there.get(), CLONE_NEWNS);
    sys::UniqueFd tree;
    try {
        tree = sys::open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE);
    } catch (...) {
        sys::setns(home.get(), CLONE_NEWNS);
        throw;
    }
    sys::setns(home.get(), CLONE_NEWNS);
    // --read-only is about the container's processes.
    sys::mount_setattr(tree.get(),
                       "",
                       AT_EMPTY_PATH,
                       {.set = 0, .clear = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE});
    return tree;
}

sys::UniqueFd open_root(Engine& engine, LockedContainer& locked) {
    storage::Store& store = engine.store_for_writing();
    if (const auto init = find_init(store, locked.container.state)) {
        return copy_running_root(locked.container.state.init.pid, init->get());
    }
    settle_container(engine, locked.lock, locked.container);
    const auto record = get_container(store, locked.container.id);
    return open_outer_rootfs(engine, record, parse_container_config(record.config));
}

}  // namespace

void drop_container_mount(storage::Store& store, const storage::ContainerId& id) {
    const std::string path = store.paths().container_mount(id).string();
    // More than once, should somebody have mounted by hand there.
    while (sys::is_mount_point(path)) {
        sys::umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    }
    if (sys::file_exists(path)) {
        sys::rmdir(path);
    }
}

MountedRoot mount_container(Engine& engine, const std::string& name_or_id) {
    LockedContainer locked = get_locked(engine, name_or_id);
    storage::Store& store = engine.store_for_writing();
    const auto& container = locked.container;
    MountedRoot mounted{.id = container.id.to_string(),
                        .names = {container.name},
                        .path = store.paths().container_mount(container.id).string()};
    if (sys::is_mount_point(mounted.path)) {
        return mounted;
    }
    doing([&] { return fmt::format("mounting {}", name_or_id); },
          [&] {
              const sys::UniqueFd root = open_root(engine, locked);
              sys::make_directories(mounted.path, 0700);
              sys::move_mount(root.get(), AT_FDCWD, mounted.path);
          });
    record_event(engine, container_event(container, "mount"));
    return mounted;
}

std::string unmount_container(Engine& engine, const std::string& name_or_id, bool is_forgiving) {
    const LockedContainer locked = get_locked(engine, name_or_id);
    storage::Store& store = engine.store_for_writing();
    const auto& container = locked.container;
    const bool is_mounted =
        sys::is_mount_point(store.paths().container_mount(container.id).string());
    if (!is_mounted && !is_forgiving) {
        throw Error(ErrorKind::invalid, "container {} is not mounted", container.name)
            .with_hint("'nau mount' lists what is mounted");
    }
    drop_container_mount(store, container.id);
    if (is_mounted) {
        record_event(engine, container_event(container, "unmount"));
    }
    return container.id.to_string();
}

std::vector<MountedRoot> list_mounted_containers(Engine& engine) {
    storage::Store& store = engine.store_for_reading();
    std::vector<MountedRoot> mounts;
    for (const auto& entry :
         sys::list_directory_if_exists(store.paths().container_mounts().string())
             .value_or(std::vector<sys::DirEntry>())) {
        const auto id = storage::ContainerId::try_parse(entry.name);
        if (!id) {
            continue;
        }
        const std::string path = store.paths().container_mount(*id).string();
        const auto container = store.records().containers.find_summary(*id);
        if (container && container->name_space == engine.name_space() &&
            sys::is_mount_point(path)) {
            mounts.push_back({.id = id->to_string(), .names = {container->name}, .path = path});
        }
    }
    std::sort(
        mounts.begin(), mounts.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return mounts;
}

}  // namespace nau::engine
