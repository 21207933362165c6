#include "runtime/child/copy_up.h"

#include <cerrno>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/child/paths.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

namespace {

// Copying files up into a tmpfs: sizes are bounded by the tmpfs, depth by this.
constexpr int kMaxCopyDepth = 64;

void copy_tree(Context& c, int from, int to, int depth) noexcept;

void copy_file_bytes(Context& c, int from, int to) noexcept {
    char buffer[8192];
    for (;;) {
        const long size = check(c, raw::read(from, buffer, sizeof buffer));
        if (size == 0) {
            return;
        }
        for (long written = 0; written < size;) {
            written +=
                check(c, raw::write(to, buffer + written, static_cast<size_t>(size - written)));
        }
    }
}

/// Owner and mode last: the change of owner clears set-user-ID bits.
void copy_owner(Context& c, int to, const struct ::stat& status) noexcept {
    check(c, raw::fchown(to, status.st_uid, status.st_gid));
    check(c, raw::fchmod(to, status.st_mode & 07777));
}

void copy_entry(Context& c, int from, int to, const char* name, int depth) noexcept {
    struct ::stat status;
    check(c, raw::fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW));
    if (S_ISDIR(status.st_mode)) {
        check(c, raw::mkdirat(to, name, 0700));
        const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        const int from_directory = check(c, raw::openat(from, name, flags));
        const int to_directory = check(c, raw::openat(to, name, flags));
        copy_tree(c, from_directory, to_directory, depth + 1);
        copy_owner(c, to_directory, status);
        raw::close(from_directory);
        raw::close(to_directory);
    } else if (S_ISLNK(status.st_mode)) {
        char link[PATH_MAX];
        const long length = check(c, raw::readlinkat(from, name, link, sizeof link - 1));
        link[length] = '\0';
        check(c, raw::symlinkat(link, to, name));
        check(c, raw::fchownat(to, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW));
    } else if (S_ISREG(status.st_mode)) {
        const int from_file =
            check(c, raw::openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        const int to_file =
            check(c, raw::openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        copy_file_bytes(c, from_file, to_file);
        copy_owner(c, to_file, status);
        raw::close(from_file);
        raw::close(to_file);
    }
    // Sockets, FIFOs and devices are not copied: they are nobody's data.
}

void copy_tree(Context& c, int from, int to, int depth) noexcept {
    if (depth > kMaxCopyDepth) {
        die(c, ELOOP, "too deep to be copied into the tmpfs");
    }
    alignas(uint64_t) char buffer[2048];
    for (;;) {
        const long size = check(c, raw::getdents64(from, buffer, sizeof buffer));
        if (size == 0) {
            return;
        }
        for (long offset = 0; offset < size;) {
            const auto* entry = reinterpret_cast<const dirent64*>(buffer + offset);
            offset += entry->d_reclen;
            const char* name = entry->d_name;
            const bool is_dot =
                name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
            if (!is_dot) {
                copy_entry(c, from, to, name, depth);
            }
        }
    }
}

}  // namespace

void copy_up(Context& c, const MountStep& step, int mount) noexcept {
    const int from = open_in_root(step.target.c_str(),
                                  O_RDONLY | O_DIRECTORY,
                                  step.no_symlinks ? raw::kResolveNoSymlinks : 0);
    check(c, from);
    struct ::stat status;
    check(c, raw::fstat(from, &status));
    // The mount's own descriptor is O_PATH.
    const int to = check(c, raw::openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    copy_tree(c, from, to, 0);
    bool has_mode = false;
    for (const FsParameter& parameter : step.parameters) {
        has_mode = has_mode || parameter.key == "mode";
    }
    if (!has_mode) {
        copy_owner(c, to, status);
    }
    raw::close(to);
    raw::close(from);
}

}  // namespace nau::runtime::child
