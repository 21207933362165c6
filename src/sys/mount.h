#pragma once

// Mounts, by the old and the new system calls (fsopen, open_tree, move_mount: Linux ≥ 5.2;
// mount_setattr ≥ 5.12). nau mounts nothing in the host's mount namespace: all of this is for
// private namespaces and for tests. What must work between clone and exec is in sys/raw.h.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/mount.h>
#include <sys/types.h>
#include <vector>

#include "sys/unique_fd.h"

namespace nau::sys {

/// Empty strings become null pointers where the kernel wants them. @throws SysError naming target
void mount(const std::string& source,
           const std::string& target,
           const std::string& type,
           unsigned long flags,
           const std::string& data = {});
void umount2(const std::string& target, int flags);
void pivot_root(const std::string& new_root, const std::string& put_old);

/// Unmounts `target` (MNT_DETACH) when the scope ends, unless released.
class [[nodiscard]] MountGuard {
  public:
    explicit MountGuard(std::string target) noexcept : target_(std::move(target)) {}
    ~MountGuard();
    MountGuard(MountGuard&& other) noexcept : target_(std::move(other.target_)) {
        other.target_.clear();
    }
    MountGuard& operator=(MountGuard&&) = delete;
    MountGuard(const MountGuard&) = delete;
    MountGuard& operator=(const MountGuard&) = delete;

    void release() noexcept { target_.clear(); }
    /// Reports what the destructor would only log. @throws SysError
    void unmount();

  private:
    std::string target_;
};

// --- the new mount interface; a detached mount lives as long as its descriptor. What the kernel
// wrote about a failure (fscontext log) is part of the error text.

UniqueFd fsopen(const std::string& type);
void fsconfig_set_string(int fs_fd, const std::string& key, const std::string& value);
void fsconfig_set_flag(int fs_fd, const std::string& key);
void fsconfig_set_fd(int fs_fd, const std::string& key, int fd);
/// FSCONFIG_CMD_CREATE.
void fsconfig_create(int fs_fd);
/// `attributes` of MOUNT_ATTR_*.
UniqueFd fsmount(int fs_fd, unsigned attributes);
/// `flags` of OPEN_TREE_CLONE, AT_RECURSIVE, AT_EMPTY_PATH …; OPEN_TREE_CLOEXEC is added.
UniqueFd open_tree(int dir_fd, const std::string& path, unsigned flags);
/// Attaches a detached mount.
void move_mount(int mount_fd, int dir_fd, const std::string& path, unsigned flags = 0);

struct MountAttributes {
    uint64_t set = 0;    ///< MOUNT_ATTR_*
    uint64_t clear = 0;  ///< MOUNT_ATTR_*
    uint64_t propagation = 0;
    int user_namespace = -1;  ///< with MOUNT_ATTR_IDMAP
};
/// `flags`: AT_RECURSIVE, AT_EMPTY_PATH.
void mount_setattr(int dir_fd,
                   const std::string& path,
                   unsigned flags,
                   const MountAttributes& attributes);

/// Whether something is mounted exactly there (Linux ≥ 5.8). A path that does not exist is none.
/// @throws SysError
bool is_mount_point(const std::string& path);

/// One line of /proc/<pid>/mountinfo.
struct MountInfo {
    int id = 0;
    int parent_id = 0;
    unsigned major = 0;
    unsigned minor = 0;
    std::string root;
    std::string mount_point;
    std::string options;
    std::vector<std::string> optional_fields;  ///< "shared:7", "master:2" …
    std::string type;
    std::string source;
    std::string super_options;
};

/// Octal escapes (\040 …) are undone. @throws Error{corrupt} naming the line
std::vector<MountInfo> parse_mountinfo(std::string_view text);
/// Of the calling process.
std::vector<MountInfo> read_mountinfo();

}  // namespace nau::sys
