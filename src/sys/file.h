#pragma once

// Files and directories by trusted path or by descriptor. Nothing here is fit for a path that an
// image, a container or a volume can influence: those go through sys/dir_fd.h.
//
// Durable replacement of a file, the only way nau writes one:
//
//   temp file beside it ─▶ write ─▶ fsync ─▶ rename over it ─▶ fsync of the directory
//
// Everything is close-on-exec. Every function throws SysError unless it says otherwise; the text
// names the call and the path.

#include <cstddef>
#include <cstdint>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <vector>

#include "sys/unique_fd.h"

namespace nau::sys {

// --- open, read, write

/// O_CLOEXEC is added.
UniqueFd open(const std::string& path, int flags, mode_t mode = 0);
/// nullopt for ENOENT only (a component that is no directory is an error).
std::optional<UniqueFd> open_if_exists(const std::string& path, int flags);

/// The whole file. @throws Error{invalid} when it is longer than `max_bytes`; SysError
std::string read_file(const std::string& path, size_t max_bytes);
/// nullopt for ENOENT only.
std::optional<std::string> read_file_if_exists(const std::string& path, size_t max_bytes);
/// From the current offset to the end. `fd` may be a file, a pipe or a socket.
std::string read_fd(int fd, size_t max_bytes);
/// One read(2); the number of bytes, 0 at the end.
size_t read_some(int fd, char* buffer, size_t size);
/// Exactly `size` bytes. @throws Error{corrupt} when the end comes first
void read_exactly(int fd, char* buffer, size_t size);

/// All bytes, however many calls it takes.
void write_all(int fd, std::string_view bytes);
void pwrite_all(int fd, std::string_view bytes, off_t offset);

enum class Durability {
    durable,  ///< survives a power cut once the function has returned
    relaxed,  ///< atomic for readers, but no fsync: run-time state, tests
};

/// Replaces or creates `path` so that a reader sees the old or the new bytes, never a mixture, and
/// a crash leaves the one or the other. `mode` is exact, whatever the umask is. Fail points:
/// "sys.write_file_atomic.{before_fsync,before_rename,after_rename}".
void write_file_atomic(const std::string& path,
                       std::string_view bytes,
                       mode_t mode,
                       Durability durability);

/// One write(2) to a file that must exist: /proc, /sys and cgroup files, which take a value in one
/// call or refuse it.
void write_existing(const std::string& path, std::string_view text);

/// Appends records, each in one write(2) with O_APPEND, so that those of several processes do not
/// mix. A record that was cut short by a full disk is SysError(ENOSPC), and its beginning stays:
/// taking it back would race with other writers, so readers must know an unfinished record.
class AppendFile {
  public:
    explicit AppendFile(const std::string& path, mode_t mode = 0600);

    void append(std::string_view record);
    void fsync();
    uint64_t size_bytes() const;
    int fd() const noexcept { return fd_.get(); }

  private:
    std::string path_;
    UniqueFd fd_;
};

/// "path" or "fd 7", for error texts; never throws anything but bad_alloc.
std::string describe_fd(int fd);

// --- durability

void fsync(int fd);
void fdatasync(int fd);
/// Makes the entries of a directory durable.
void fsync_directory(const std::string& path);
void fsync_directory(int dir_fd);
/// All of the file system that `fd` is on.
void syncfs(int fd);

// --- names

void rename(const std::string& from, const std::string& to);
/// Swaps two existing names atomically.
void rename_exchange(const std::string& a, const std::string& b);
/// @throws SysError(EEXIST) when `to` exists
void rename_noreplace(const std::string& from, const std::string& to);
void link(const std::string& from, const std::string& to);
void symlink(const std::string& target, const std::string& path);
std::string readlink(const std::string& path);
void unlink(const std::string& path);
/// false when there was none.
bool unlink_if_exists(const std::string& path);

void mkdir(const std::string& path, mode_t mode);
/// false when it existed (as a directory; anything else is an error). An existing one keeps its
/// mode.
bool mkdir_if_missing(const std::string& path, mode_t mode);
/// With all missing parents; existing ones keep their modes. The umask applies.
void make_directories(const std::string& path, mode_t mode);
void rmdir(const std::string& path);
/// A new directory "<parent>/<prefix><random>", mode 0700; its path.
std::string make_temporary_directory(const std::string& parent, std::string_view prefix);

// --- removing trees

/// Removes `name` below `dir_fd`, whatever it is, and all below it. `name` is a single component.
/// Symbolic links are removed, never followed; other file systems are not entered (EXDEV, nothing
/// of them is touched); directories without permissions are opened up first; depth is limited by
/// nothing. Absent is fine.
/// @throws SysError the first failure, after everything else that can go has gone
void remove_tree(int dir_fd, const std::string& name);
/// As above for a trusted path. Absent is fine.
void remove_tree(const std::string& path);
/// As above, but gives up when `max_entries` have been looked at: for callers that have somebody
/// else for the big ones. false: something is left.
bool remove_tree_within(int dir_fd, const std::string& name, size_t max_entries);
bool remove_tree_within(const std::string& path, size_t max_entries);

// --- listing

enum class FileType : unsigned char {
    unknown = DT_UNKNOWN,
    fifo = DT_FIFO,
    character_device = DT_CHR,
    directory = DT_DIR,
    block_device = DT_BLK,
    regular = DT_REG,
    symlink = DT_LNK,
    socket = DT_SOCK,
};

struct DirEntry {
    std::string name;
    FileType type = FileType::unknown;  ///< some file systems do not say
};

/// Without "." and "..", in the directory's order. The descriptor's offset moves to the end; it is
/// rewound first. An O_PATH descriptor will not do.
std::vector<DirEntry> list_directory(int fd);
std::vector<DirEntry> list_directory(const std::string& path);
/// nullopt when there is no such directory.
std::optional<std::vector<DirEntry>> list_directory_if_exists(const std::string& path);

// --- asking

struct ::stat stat(const std::string& path);
/// Does not follow a symbolic link at the end.
struct ::stat lstat(const std::string& path);
struct ::stat fstat(int fd);
std::optional<struct ::stat> stat_if_exists(const std::string& path);
std::optional<struct ::stat> lstat_if_exists(const std::string& path);
/// `mask` of STATX_*; `flags` as AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH.
struct ::statx statx(int dir_fd, const std::string& path, int flags, unsigned mask);
/// Something of that name exists (a dangling symbolic link does not). Errors but ENOENT and ENOTDIR
/// throw.
bool file_exists(const std::string& path);
bool is_directory(const std::string& path);

struct ::statfs statfs(const std::string& path);
struct ::statfs fstatfs(int fd);
/// What an unprivileged user may still write.
uint64_t free_bytes(const std::string& path);

// --- changing

void chmod(const std::string& path, mode_t mode);
void fchmod(int fd, mode_t mode);
void fchown(int fd, uid_t uid, gid_t gid);
void ftruncate(int fd, off_t size);
/// EOPNOTSUPP and the like are not hidden: false when the file system cannot, so that the caller
/// goes on without. @throws SysError(ENOSPC) and all other errors
bool fallocate(int fd, int mode, off_t offset, off_t length);

// --- making and copying

/// An anonymous file in memory; MFD_CLOEXEC is added.
UniqueFd memfd_create(const char* name, unsigned flags);
/// Copies `length` bytes (or to the end, when it is shorter) from the offsets of both descriptors;
/// by reflink or in the kernel where possible. Returns the number of bytes copied.
uint64_t copy_data(int from_fd, int to_fd, uint64_t length);

int fcntl_get_flags(int fd);
void set_nonblocking(int fd, bool on);
/// For descriptors that come from outside: sets or clears close-on-exec.
void set_close_on_exec(int fd, bool on);

}  // namespace nau::sys
