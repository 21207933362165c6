#pragma once

// The root file system of a task as a detached mount: a mount that is in no namespace until the
// task's first process attaches it in its own. Nothing ever appears in the host's mount namespace,
// so nothing can be busy, leaked or left over: when the last descriptor and the last namespace that
// holds it are gone, the kernel unmounts it.
//
//   RootfsSpec ─ open_rootfs() ─▶ fd ─▶ DirFd: read /etc/passwd of the container
//                                  └──▶ LaunchOptions::rootfs_fd ─ move_mount() in the child
//
// The descriptor is an ordinary directory descriptor (O_PATH) of the mount's root and may be passed
// to another process.

#include <string>
#include <vector>

#include "sys/unique_fd.h"

namespace nau::runtime {

enum class RootfsKind {
    directory,  ///< `path` as it is
    overlay,    ///< `lower_dirs`, and `upper` + `work` unless it is only looked at
};

struct RootfsSpec {
    RootfsKind kind = RootfsKind::directory;
    std::string path;                     ///< directory only; absolute
    std::vector<std::string> lower_dirs;  ///< top first; absolute
    std::string upper;                    ///< absolute; empty: read-only view of the lower ones
    std::string work;
    /// Nothing of the upper layer needs to survive a crash: the kernel never syncs it, neither at
    /// fsync nor at unmount.
    bool is_volatile = false;
    /// Nothing can be written through this mount. (A container with a read-only root does not need
    /// it: its root is made read-only after its mount points have been made.)
    bool read_only = false;
    /// What a user namespace makes of ids: files that belong to 0 on disk belong to the namespace's
    /// 0 in the tree, and the other way round. Nothing is copied or given away. The texts are those
    /// of /proc/<pid>/uid_map and gid_map; empty: as on disk.
    std::string uid_map;
    std::string gid_map;
    /// Where the same tree may be mounted already for people to look at. Then the result is a copy
    /// of that mount: two overlays with one upper directory are undefined behaviour. Empty:
    /// nowhere.
    std::string mounted_at = {};

    friend bool operator==(const RootfsSpec&, const RootfsSpec&) = default;
};

/// @pre with id maps: the caller is single-threaded
/// @throws SysError, Error{invalid} naming the directory that is missing or too many;
/// Error{unsupported} when this kernel or the file system below cannot map ids
sys::UniqueFd open_rootfs(const RootfsSpec& spec);

}  // namespace nau::runtime
