// The part of sys/file.h about names: making, renaming, asking, listing.

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/raw.h"

namespace nau::sys {

// --- names

namespace {

void rename_with_flags(const std::string& from, const std::string& to, unsigned flags) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) != 0) {
        throw SysError(errno, "rename {} to {}", from, to);
    }
}

}  // namespace

void rename(const std::string& from, const std::string& to) {
    rename_with_flags(from, to, 0);
}

void rename_exchange(const std::string& a, const std::string& b) {
    rename_with_flags(a, b, RENAME_EXCHANGE);
}

void rename_noreplace(const std::string& from, const std::string& to) {
    rename_with_flags(from, to, RENAME_NOREPLACE);
}

void link(const std::string& from, const std::string& to) {
    if (::link(from.c_str(), to.c_str()) != 0) {
        throw SysError(errno, "link {} to {}", from, to);
    }
}

void symlink(const std::string& target, const std::string& path) {
    if (::symlink(target.c_str(), path.c_str()) != 0) {
        throw SysError(errno, "symlink {}", path);
    }
}

std::string readlink(const std::string& path) {
    std::array<char, PATH_MAX> target;
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    if (length < 0) {
        throw SysError(errno, "readlink {}", path);
    }
    return {target.data(), static_cast<size_t>(length)};
}

void unlink(const std::string& path) {
    if (::unlink(path.c_str()) != 0) {
        throw SysError(errno, "unlink {}", path);
    }
}

bool unlink_if_exists(const std::string& path) {
    if (::unlink(path.c_str()) == 0) {
        return true;
    }
    if (errno != ENOENT) {
        throw SysError(errno, "unlink {}", path);
    }
    return false;
}

void mkdir(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0) {
        throw SysError(errno, "mkdir {}", path);
    }
}

bool mkdir_if_missing(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0) {
        return true;
    }
    const int error = errno;
    if (error != EEXIST || !is_directory(path)) {
        throw SysError(error, "mkdir {}", path);
    }
    return false;
}

void make_directories(const std::string& path, mode_t mode) {
    // Nearly always only the last component is missing, if any: try from the right.
    std::vector<size_t> missing = {path.size()};
    bool has_parent = false;
    for (;;) {
        const std::string part = path.substr(0, missing.back());
        if (::mkdir(part.c_str(), mode) == 0) {
            missing.pop_back();
            has_parent = true;
        } else if (errno == EEXIST) {
            if (!is_directory(part)) {
                throw SysError(ENOTDIR, "mkdir {}", part);
            }
            missing.pop_back();
            has_parent = true;
        } else if (errno == ENOENT && !has_parent) {  // procfs says so for every name
            const auto last = part.find_last_not_of('/');
            const auto slash = last == part.npos ? part.npos : part.rfind('/', last);
            const auto end = slash == part.npos ? part.npos : part.find_last_not_of('/', slash);
            if (end == part.npos) {
                throw SysError(ENOENT, "mkdir {}", part);
            }
            missing.push_back(end + 1);
        } else {
            throw SysError(errno, "mkdir {}", part);
        }
        if (missing.empty()) {
            return;
        }
    }
}

void rmdir(const std::string& path) {
    if (::rmdir(path.c_str()) != 0) {
        throw SysError(errno, "rmdir {}", path);
    }
}

std::string make_temporary_directory(const std::string& parent, std::string_view prefix) {
    std::string path = fmt::format("{}/{}{}", parent, prefix, random_hex(8));
    mkdir(path, 0700);
    return path;
}

// --- listing

namespace {

/// nullopt when the open directory has been removed.
std::optional<std::vector<DirEntry>> list_if_not_removed(int fd) {
    if (::lseek(fd, 0, SEEK_SET) < 0) {
        const int error = errno;
        throw SysError(error, "list {}", describe_fd(fd));
    }
    std::vector<DirEntry> entries;
    alignas(dirent64) std::array<char, 16384> buffer;
    for (;;) {
        const long count = raw::getdents64(fd, buffer.data(), buffer.size());
        if (count == -ENOENT) {
            return std::nullopt;
        }
        if (count < 0) {
            throw SysError(static_cast<int>(-count), "list {}", describe_fd(fd));
        }
        if (count == 0) {
            return entries;
        }
        for (size_t at = 0; at < static_cast<size_t>(count);) {
            const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
            at += entry->d_reclen;
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") {
                entries.push_back({std::string(name), static_cast<FileType>(entry->d_type)});
            }
        }
    }
}

}  // namespace

std::vector<DirEntry> list_directory(int fd) {
    auto entries = list_if_not_removed(fd);
    if (!entries) {
        throw SysError(ENOENT, "list {}", describe_fd(fd));
    }
    return *std::move(entries);
}

std::vector<DirEntry> list_directory(const std::string& path) {
    return list_directory(open(path, O_RDONLY | O_DIRECTORY).get());
}

std::optional<std::vector<DirEntry>> list_directory_if_exists(const std::string& path) {
    const auto fd = open_if_exists(path, O_RDONLY | O_DIRECTORY);
    if (!fd) {
        return std::nullopt;
    }
    return list_if_not_removed(fd->get());
}

// --- asking

struct ::stat stat(const std::string& path) {
    struct ::stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        throw SysError(errno, "stat {}", path);
    }
    return status;
}

struct ::stat lstat(const std::string& path) {
    struct ::stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        throw SysError(errno, "stat {}", path);
    }
    return status;
}

struct ::stat fstat(int fd) {
    struct ::stat status {};
    if (::fstat(fd, &status) != 0) {
        throw SysError(errno, "stat fd {}", fd);
    }
    return status;
}

std::optional<struct ::stat> stat_if_exists(const std::string& path) {
    struct ::stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        return status;
    }
    if (errno == ENOENT || errno == ENOTDIR) {
        return std::nullopt;
    }
    throw SysError(errno, "stat {}", path);
}

std::optional<struct ::stat> lstat_if_exists(const std::string& path) {
    struct ::stat status {};
    if (::lstat(path.c_str(), &status) == 0) {
        return status;
    }
    if (errno == ENOENT || errno == ENOTDIR) {
        return std::nullopt;
    }
    throw SysError(errno, "stat {}", path);
}

struct ::statx statx(int dir_fd, const std::string& path, int flags, unsigned mask) {
    struct ::statx status {};
    const int result = raw::statx(dir_fd, path.c_str(), flags, mask, &status);
    if (result < 0) {
        throw SysError(-result, "statx {}", path.empty() ? describe_fd(dir_fd) : path);
    }
    return status;
}

bool file_exists(const std::string& path) {
    return stat_if_exists(path).has_value();
}

bool is_directory(const std::string& path) {
    const auto status = stat_if_exists(path);
    return status && S_ISDIR(status->st_mode);
}

struct ::statfs statfs(const std::string& path) {
    struct ::statfs status {};
    if (retry([&] { return ::statfs(path.c_str(), &status); }) != 0) {
        throw SysError(errno, "statfs {}", path);
    }
    return status;
}

struct ::statfs fstatfs(int fd) {
    struct ::statfs status {};
    if (retry([&] { return ::fstatfs(fd, &status); }) != 0) {
        const int error = errno;
        throw SysError(error, "statfs {}", describe_fd(fd));
    }
    return status;
}

uint64_t free_bytes(const std::string& path) {
    const auto status = statfs(path);
    return static_cast<uint64_t>(status.f_bavail) * static_cast<uint64_t>(status.f_frsize);
}

}  // namespace nau::sys
