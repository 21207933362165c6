// The part of sys/dir_fd.h for callers that keep their own directory descriptors.

#include <array>
#include <cerrno>
#include <climits>
#include <sys/xattr.h>

#include "base/error.h"
#include "base/parse.h"
#include "sys/dir_fd.h"
#include "sys/raw.h"

namespace nau::sys {

namespace {

/// "/proc/self/fd/7/name": the directory by magic link, the name not followed by l*xattr calls.
std::string proc_name_path(int dir_fd, const std::string& name) {
    return fmt::format("/proc/self/fd/{}/{}", dir_fd, name);
}

/// "<directory>/<name>" for error texts.
std::string describe_at(int dir_fd, const std::string& name) {
    return dir_fd == AT_FDCWD ? name : describe_fd(dir_fd) + "/" + name;
}

void check(int result, const char* verb, int dir_fd, const std::string& name) {
    if (result < 0) {
        throw SysError(-result, "{} {}", verb, describe_at(dir_fd, name));
    }
}

}  // namespace

std::string proc_fd_path(int fd) {
    return fmt::format("/proc/self/fd/{}", fd);
}

UniqueFd openat(int dir_fd, const std::string& name, int flags, mode_t mode) {
    int fd = 0;
    do {
        fd = raw::openat(dir_fd, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode);
    } while (fd == -EINTR);
    check(fd, "open", dir_fd, name);
    return UniqueFd(fd);
}

bool mkdirat(int dir_fd, const std::string& name, mode_t mode) {
    const int result = raw::mkdirat(dir_fd, name.c_str(), mode);
    if (result == -EEXIST) {
        const auto status = fstatat_if_exists(dir_fd, name);
        if (status && S_ISDIR(status->st_mode)) {
            return false;
        }
    }
    check(result, "mkdir", dir_fd, name);
    return true;
}

void symlinkat(const std::string& target, int dir_fd, const std::string& name) {
    check(raw::symlinkat(target.c_str(), dir_fd, name.c_str()), "symlink", dir_fd, name);
}

void linkat(int from_dir, const std::string& from, int to_dir, const std::string& to) {
    check(raw::linkat(from_dir, from.c_str(), to_dir, to.c_str()), "link", to_dir, to);
}

void link_fd(int fd, int to_dir, const std::string& to) {
    // AT_EMPTY_PATH would want CAP_DAC_READ_SEARCH; the magic link does not.
    const std::string from = proc_fd_path(fd);
    check(raw::linkat(AT_FDCWD, from.c_str(), to_dir, to.c_str(), AT_SYMLINK_FOLLOW),
          "link",
          to_dir,
          to);
}

void mknodat(int dir_fd, const std::string& name, mode_t mode, dev_t device) {
    check(raw::mknodat(dir_fd, name.c_str(), mode, device), "mknod", dir_fd, name);
}

void unlinkat(int dir_fd, const std::string& name, int flags) {
    check(raw::unlinkat(dir_fd, name.c_str(), flags), "unlink", dir_fd, name);
}

bool unlinkat_if_exists(int dir_fd, const std::string& name, int flags) {
    const int result = raw::unlinkat(dir_fd, name.c_str(), flags);
    if (result == -ENOENT) {
        return false;
    }
    check(result, "unlink", dir_fd, name);
    return true;
}

void renameat2(
    int from_dir, const std::string& from, int to_dir, const std::string& to, unsigned flags) {
    const int result = raw::renameat2(from_dir, from.c_str(), to_dir, to.c_str(), flags);
    if (result < 0) {
        throw SysError(
            -result, "rename {} to {}", describe_at(from_dir, from), describe_at(to_dir, to));
    }
}

struct ::stat fstatat(int dir_fd, const std::string& name) {
    struct ::stat status {};
    check(raw::fstatat(dir_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW), "stat", dir_fd, name);
    return status;
}

std::optional<struct ::stat> fstatat_if_exists(int dir_fd, const std::string& name) {
    struct ::stat status {};
    const int result = raw::fstatat(dir_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
    if (result == -ENOENT || result == -ENOTDIR) {
        return std::nullopt;
    }
    check(result, "stat", dir_fd, name);
    return status;
}

std::string readlinkat(int dir_fd, const std::string& name) {
    std::array<char, PATH_MAX> target;
    const long length = raw::readlinkat(dir_fd, name.c_str(), target.data(), target.size());
    check(static_cast<int>(length), "readlink", dir_fd, name);
    return {target.data(), static_cast<size_t>(length)};
}

void fchownat(int dir_fd, const std::string& name, uid_t uid, gid_t gid) {
    check(
        raw::fchownat(dir_fd, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW), "chown", dir_fd, name);
}

void fchmodat(int dir_fd, const std::string& name, mode_t mode) {
    int result = raw::fchmodat2(dir_fd, name.c_str(), mode, AT_SYMLINK_NOFOLLOW);
    // A seccomp filter around us that does not know the call may say EPERM.
    if (result == -ENOSYS || result == -EPERM) {
        const UniqueFd fd = openat(dir_fd, name, O_PATH);
        result = S_ISLNK(fstat(fd.get()).st_mode)
                     ? -EOPNOTSUPP
                     : raw::fchmodat(AT_FDCWD, proc_fd_path(fd.get()).c_str(), mode);
    }
    check(result, "chmod", dir_fd, name);
}

void utimensat(int dir_fd, const std::string& name, timespec access, timespec modification) {
    const timespec times[2] = {access, modification};
    check(raw::utimensat(dir_fd, name.c_str(), times, AT_SYMLINK_NOFOLLOW),
          "set times of",
          dir_fd,
          name);
}

void futimens(int fd, timespec access, timespec modification) {
    const timespec times[2] = {access, modification};
    const int result = raw::utimensat(fd, nullptr, times, 0);
    if (result < 0) {
        throw SysError(-result, "set times of {}", describe_fd(fd));
    }
}

// --- extended attributes

void fsetxattr(int fd, const std::string& attribute, std::string_view value) {
    const int result = raw::fsetxattr(fd, attribute.c_str(), value.data(), value.size());
    if (result < 0) {
        throw SysError(-result, "set {} of {}", attribute, describe_fd(fd));
    }
}

void setxattrat(int dir_fd,
                const std::string& name,
                const std::string& attribute,
                std::string_view value) {
    const int result = raw::lsetxattr(
        proc_name_path(dir_fd, name).c_str(), attribute.c_str(), value.data(), value.size());
    if (result < 0) {
        throw SysError(-result, "set {} of {}", attribute, describe_at(dir_fd, name));
    }
}

namespace {

/// XATTR_SIZE_MAX and XATTR_LIST_MAX of the kernel.
constexpr size_t kLargestAttribute = size_t{64} * 1024;

/// Asks with a buffer of growing size; `get(buffer, size)` is one of the C library's calls.
template <typename Get>
std::optional<std::string> read_attribute(Get get, const std::string& text) {
    std::string value(256, '\0');
    for (;;) {
        const ssize_t length = get(value.data(), value.size());
        if (length >= 0) {
            value.resize(static_cast<size_t>(length));
            return value;
        }
        if (errno == ERANGE && value.size() < kLargestAttribute) {
            value.resize(value.size() * 4);
            continue;
        }
        if (errno == ENODATA || errno == EOPNOTSUPP) {
            return std::nullopt;
        }
        throw SysError(errno, "get {}", text);
    }
}

}  // namespace

std::optional<std::string> fgetxattr(int fd, const std::string& attribute) {
    return read_attribute(
        [&](char* buffer, size_t size) { return ::fgetxattr(fd, attribute.c_str(), buffer, size); },
        attribute);
}

std::optional<std::string> getxattrat(int dir_fd,
                                      const std::string& name,
                                      const std::string& attribute) {
    const std::string path = proc_name_path(dir_fd, name);
    return read_attribute(
        [&](char* buffer, size_t size) {
            return ::lgetxattr(path.c_str(), attribute.c_str(), buffer, size);
        },
        attribute + " of " + name);
}

std::vector<std::string> listxattrat(int dir_fd, const std::string& name) {
    const std::string path = proc_name_path(dir_fd, name);
    const auto text = read_attribute(
        [&](char* buffer, size_t size) { return ::llistxattr(path.c_str(), buffer, size); },
        "attributes of " + name);
    std::vector<std::string> names;
    for (size_t at = 0; text && at < text->size();) {
        names.emplace_back(text->c_str() + at);
        at += names.back().size() + 1;
    }
    return names;
}

}  // namespace nau::sys
