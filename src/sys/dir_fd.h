#pragma once

// Everything below a root file system, a layer, a volume or a copied tree. Paths in there are
// hostile: any component may be a symbolic link to anywhere, and a running container may exchange
// it between two calls. So no path is ever checked and then used: openat2(2) resolves it relative
// to a directory descriptor, in the kernel, and what it returns is used by descriptor.
//
//   in root   RESOLVE_IN_ROOT: the directory is "/": absolute links and ".." stay inside, as the
//             container itself would see the path. For rootfs and volumes.
//   beneath   RESOLVE_BENEATH: whatever would leave, even with an absolute link, is EXDEV. For
//             trees that nau made.
//
// Both refuse magic links (/proc/<pid>/fd, /proc/<pid>/root). Operations that create or remove a
// name resolve its parent as above and apply the *at call to the last component, which is never
// followed; ".." and "." are refused as a last component. A path with a NUL byte is refused.
//
// openat2 reports EAGAIN when a rename or mount elsewhere made the resolution uncertain; it is
// repeated a bounded number of times.
//
// Member functions throw SysError with the operation and the path as the container sees it.

#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/types.h>
#include <vector>

#include "sys/file.h"
#include "sys/unique_fd.h"

namespace nau::sys {

class DirFd {
  public:
    /// Takes a directory descriptor (O_PATH will do).
    explicit DirFd(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
    /// Opens a trusted directory of the host (O_PATH). Symbolic links in `path` are followed.
    static DirFd open_root(const std::string& path);

    int fd() const noexcept { return fd_.get(); }
    UniqueFd release() noexcept { return std::move(fd_); }
    DirFd duplicate() const { return DirFd(fd_.duplicate()); }

    // --- opening. O_CLOEXEC is added; O_NOFOLLOW concerns the last component only. With O_CREAT a
    // dangling link at the end is followed inside the root, unless O_NOFOLLOW or O_EXCL is given.
    // Opening a FIFO or a device may hang or act: give O_NONBLOCK, or use open_regular_in_root().

    UniqueFd open_in_root(const std::string& path, int flags, mode_t mode = 0) const;
    /// nullopt for ENOENT and ENOTDIR.
    std::optional<UniqueFd> find_in_root(const std::string& path, int flags) const;
    UniqueFd open_beneath(const std::string& path, int flags, mode_t mode = 0) const;
    std::optional<UniqueFd> find_beneath(const std::string& path, int flags) const;
    /// A directory as a new root (O_PATH); links are followed inside this root.
    DirFd open_directory_in_root(const std::string& path) const;
    /// For reading, and only if it is a regular file: never waits for a FIFO, never opens a device
    /// (CVE-2024-9676). @throws Error{invalid} for anything else; SysError
    UniqueFd open_regular_in_root(const std::string& path) const;

    /// @throws Error{invalid} when it is no regular file or longer than `max_bytes`
    /// (CVE-2026-47262)
    std::string read_file_in_root(const std::string& path, size_t max_bytes) const;
    /// nullopt for ENOENT and ENOTDIR.
    std::optional<std::string> read_file_in_root_if_exists(const std::string& path,
                                                           size_t max_bytes) const;
    /// Reads a link itself; its directory is resolved in root.
    std::string readlink_in_root(const std::string& path) const;

    // --- making

    /// All missing directories of `path`; returns the last. Existing components may be links inside
    /// the root (a dangling one is followed and its target made); new ones are made one by one
    /// relative to their parent and opened without following anything. Modes are exact.
    DirFd mkdir_all_in_root(const std::string& path, mode_t mode) const;
    /// false when a directory of that name existed.
    bool mkdir_in_root(const std::string& path, mode_t mode) const;
    /// A new regular file, opened read-write. @throws SysError(EEXIST), also for a dangling link.
    UniqueFd create_file(const std::string& path, mode_t mode) const;
    /// Replaces or creates a regular file atomically (temp and rename beside it); a link of that
    /// name is replaced, not followed.
    void write_file_in_root(const std::string& path, std::string_view bytes, mode_t mode) const;
    /// `target` is stored as it is.
    void symlink(const std::string& target, const std::string& path) const;
    /// Hard link; `existing` is not followed if it is a link.
    void link(const std::string& existing, const std::string& path) const;
    void mknod(const std::string& path, mode_t mode, dev_t device) const;

    // --- removing, renaming

    void unlink(const std::string& path) const;
    void rmdir(const std::string& path) const;
    void rename(const std::string& from, const std::string& to, unsigned flags = 0) const;
    /// See sys::remove_tree. Absent is fine. The root itself cannot be removed.
    void remove_tree_in_root(const std::string& path) const;

    // --- asking

    /// Of the last component itself, link or not. nullopt for ENOENT and ENOTDIR.
    std::optional<struct ::stat> stat_nofollow(const std::string& path) const;
    /// Of what the path leads to inside the root. nullopt for ENOENT and ENOTDIR.
    std::optional<struct ::stat> stat_in_root(const std::string& path) const;
    std::vector<DirEntry> list_directory_in_root(const std::string& path) const;

    // --- metadata of the last component itself (links are not followed)

    void chown_nofollow(const std::string& path, uid_t uid, gid_t gid) const;
    /// A link has no mode of its own: EOPNOTSUPP.
    void chmod_nofollow(const std::string& path, mode_t mode) const;
    void set_times_nofollow(const std::string& path, timespec access, timespec modification) const;
    void set_xattr_nofollow(const std::string& path,
                            const std::string& name,
                            std::string_view value) const;

    /// The parent directory (O_PATH) and the last component of `path`: for callers that apply
    /// several *at calls to one name.
    struct Parent {
        UniqueFd fd;
        std::string name;
    };
    Parent parent_in_root(const std::string& path) const;

  private:
    UniqueFd fd_;
};

// --- Thin wrappers for callers that keep their own directory descriptors, such as the layer
// applier. `name` is a single component, except where the caller vouches for the path. None of them
// follows a link at the end. Hot loops that expect failures use sys/raw.h, which does not throw.

/// openat2 with `resolve` flags, O_CLOEXEC, and a bounded repetition on EAGAIN.
UniqueFd openat2(int dir_fd, const std::string& path, int flags, mode_t mode, uint64_t resolve);
/// As openat2(), but -errno instead of an exception.
int try_openat2(int dir_fd, const char* path, int flags, mode_t mode, uint64_t resolve) noexcept;

/// O_CLOEXEC and O_NOFOLLOW are added.
UniqueFd openat(int dir_fd, const std::string& name, int flags, mode_t mode = 0);
/// false when it existed.
bool mkdirat(int dir_fd, const std::string& name, mode_t mode);
void symlinkat(const std::string& target, int dir_fd, const std::string& name);
void linkat(int from_dir, const std::string& from, int to_dir, const std::string& to);
/// Gives a name to an unnamed file (O_TMPFILE) or a descriptor.
void link_fd(int fd, int to_dir, const std::string& to);
void mknodat(int dir_fd, const std::string& name, mode_t mode, dev_t device);
void unlinkat(int dir_fd, const std::string& name, int flags = 0);
bool unlinkat_if_exists(int dir_fd, const std::string& name, int flags = 0);
void renameat2(
    int from_dir, const std::string& from, int to_dir, const std::string& to, unsigned flags = 0);
struct ::stat fstatat(int dir_fd, const std::string& name);
std::optional<struct ::stat> fstatat_if_exists(int dir_fd, const std::string& name);
std::string readlinkat(int dir_fd, const std::string& name);
void fchownat(int dir_fd, const std::string& name, uid_t uid, gid_t gid);
/// By fchmodat2 (Linux ≥ 6.6), else through /proc/self/fd of an O_PATH descriptor.
void fchmodat(int dir_fd, const std::string& name, mode_t mode);
void utimensat(int dir_fd, const std::string& name, timespec access, timespec modification);
void futimens(int fd, timespec access, timespec modification);

// Extended attributes: by descriptor where there is a readable one; by name (links, devices, FIFOs)
// through /proc/self/fd/<dir>/<name>, which needs /proc.
void fsetxattr(int fd, const std::string& attribute, std::string_view value);
void setxattrat(int dir_fd,
                const std::string& name,
                const std::string& attribute,
                std::string_view value);
/// nullopt when it has none (ENODATA) or the file system has none at all (EOPNOTSUPP).
std::optional<std::string> fgetxattr(int fd, const std::string& attribute);
std::optional<std::string> getxattrat(int dir_fd,
                                      const std::string& name,
                                      const std::string& attribute);
std::vector<std::string> listxattrat(int dir_fd, const std::string& name);

/// "/proc/self/fd/7": how to hand a descriptor to a call that wants a path.
std::string proc_fd_path(int fd);

}  // namespace nau::sys
