#include "runtime/child/paths.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/child/context.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

namespace {

constexpr int kMaxLinks = 40;
constexpr int kMaxRetries = 64;
constexpr mode_t kFileMode = 0644;

}  // namespace

int open_in_root(const char* path, int flags, uint64_t resolve, mode_t mode) noexcept {
    const raw::OpenHow how = {
        .flags = static_cast<uint64_t>(flags) | O_CLOEXEC,
        .mode = mode,
        .resolve = raw::kResolveInRoot | raw::kResolveNoMagiclinks | resolve,
    };
    int result = -EAGAIN;
    // EAGAIN: a rename or a mount somewhere made ".." uncertain.
    for (int i = 0; i < kMaxRetries && result == -EAGAIN; ++i) {
        result = raw::openat2(AT_FDCWD, *path == '\0' ? "." : path, how);
    }
    return result;
}

namespace {

/// Walks a path of which a part is missing and makes that part: directories, and at the end a
/// directory or an empty file. Symbolic links are followed as text, so that a dangling one gets its
/// target made, inside the root; every step is opened by the kernel relative to the root and
/// without following links, so that an exchange in between is an error and never an escape.
class TargetMaker {
  public:
    int make(const char* path, bool is_directory, bool no_symlinks) noexcept {
        if (length_of(path) >= sizeof rest_) {
            return -ENAMETOOLONG;
        }
        copy_text(rest_, sizeof rest_, path);
        done_[0] = '\0';
        int links = 0;
        for (int steps = 0; steps < kMaxSteps; ++steps) {
            if (!take_component()) {
                return open_in_root(done_, O_PATH, raw::kResolveNoSymlinks);
            }
            if (component_[0] == '.' && component_[1] == '.' && component_[2] == '\0') {
                leave_directory();
                continue;
            }
            const int result = enter_component(is_directory || has_more(), no_symlinks, links);
            if (result < 0) {
                return result;
            }
        }
        return -ELOOP;
    }

  private:
    static constexpr int kMaxSteps = 4096;

    bool has_more() const noexcept {
        for (const char* p = rest_; *p != '\0'; ++p) {
            if (*p != '/') {
                return true;
            }
        }
        return false;
    }

    /// Moves the next component from rest_ to component_; false at the end.
    bool take_component() noexcept {
        for (;;) {
            const char* from = rest_;
            while (*from == '/') {
                ++from;
            }
            if (*from == '\0') {
                return false;
            }
            size_t length = 0;
            while (from[length] != '\0' && from[length] != '/') {
                ++length;
            }
            if (length > NAME_MAX) {
                length = NAME_MAX;  // the open below says ENAMETOOLONG or ENOENT
            }
            memcpy(component_, from, length);
            component_[length] = '\0';
            memmove(rest_, from + length, length_of(from + length) + 1);
            if (!(component_[0] == '.' && component_[1] == '\0')) {
                return true;
            }
        }
    }

    void leave_directory() noexcept {
        size_t length = length_of(done_);
        while (length > 0 && done_[length - 1] != '/') {
            --length;
        }
        done_[length > 0 ? length - 1 : 0] = '\0';
    }

    bool append_component() noexcept {
        const size_t length = length_of(done_);
        const size_t added = length_of(component_);
        if (length + 1 + added >= sizeof done_) {
            return false;
        }
        size_t end = length;
        if (length > 0) {
            done_[end++] = '/';
        }
        memcpy(done_ + end, component_, added + 1);
        return true;
    }

    int enter_component(bool as_directory, bool no_symlinks, int& links) noexcept {
        const size_t parent_length = length_of(done_);
        if (!append_component()) {
            return -ENAMETOOLONG;
        }
        for (int i = 0; i < kMaxRetries; ++i) {
            const int fd = open_in_root(done_, O_PATH | O_NOFOLLOW, raw::kResolveNoSymlinks);
            if (fd == -ENOENT) {
                const int made = make_component(parent_length, as_directory);
                if (made < 0 && made != -EEXIST) {
                    return made;
                }
                continue;
            }
            if (fd < 0) {
                return fd;
            }
            char link[PATH_MAX];
            const long length = raw::readlinkat(fd, "", link, sizeof link);
            raw::close(fd);
            if (length < 0) {
                return 0;  // no link: one step further
            }
            if (no_symlinks || ++links > kMaxLinks) {
                return -ELOOP;
            }
            return follow(link, static_cast<size_t>(length), parent_length);
        }
        return -EAGAIN;
    }

    int make_component(size_t parent_length, bool as_directory) noexcept {
        char parent[PATH_MAX];
        memcpy(parent, done_, parent_length);
        parent[parent_length] = '\0';
        const int fd = open_in_root(parent, O_PATH | O_DIRECTORY, raw::kResolveNoSymlinks);
        if (fd < 0) {
            return fd;
        }
        int result = 0;
        if (as_directory) {
            result = raw::mkdirat(fd, component_, kDirectoryMode);
        } else {
            result = raw::openat(
                fd, component_, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode);
            if (result >= 0) {
                raw::close(result);
                result = 0;
            }
        }
        raw::close(fd);
        return result;
    }

    int follow(const char* link, size_t length, size_t parent_length) noexcept {
        const size_t rest_length = length_of(rest_);
        if (length == 0 || length + 1 + rest_length >= sizeof rest_) {
            return -ENAMETOOLONG;
        }
        memmove(rest_ + length + 1, rest_, rest_length + 1);
        memcpy(rest_, link, length);
        rest_[length] = '/';
        done_[link[0] == '/' ? 0 : parent_length] = '\0';
        return 0;
    }

    char rest_[PATH_MAX];
    char done_[PATH_MAX];
    char component_[NAME_MAX + 1];
};

}  // namespace

int open_target(const char* path, bool is_directory, bool no_symlinks) noexcept {
    const uint64_t resolve = no_symlinks ? raw::kResolveNoSymlinks : 0;
    int fd = open_in_root(path, O_PATH, resolve);
    if (fd == -ENOENT) {
        static TargetMaker maker;  // 8 kB that the stack need not hold
        fd = maker.make(path, is_directory, no_symlinks);
    }
    if (fd < 0) {
        return fd;
    }
    struct ::stat status;
    const int result = raw::fstat(fd, &status);
    if (result == 0 && S_ISDIR(status.st_mode) == is_directory) {
        return fd;
    }
    raw::close(fd);
    return result < 0 ? result : (is_directory ? -ENOTDIR : -EISDIR);
}

int open_parent(const char* path, const char*& name) noexcept {
    const size_t length = length_of(path);
    size_t slash = length;
    while (slash > 0 && path[slash - 1] != '/') {
        --slash;
    }
    name = path + slash;
    if (slash == 0) {
        return open_in_root("", O_PATH | O_DIRECTORY);
    }
    char parent[PATH_MAX];
    if (slash > sizeof parent) {
        return -ENAMETOOLONG;
    }
    memcpy(parent, path, slash - 1);
    parent[slash - 1] = '\0';
    return open_target(parent, true, false);
}

bool is_on(int fd, unsigned long magic) noexcept {
    struct ::statfs status;
    return raw::fstatfs(fd, &status) == 0 && static_cast<unsigned long>(status.f_type) == magic;
}

bool is_device(int fd, mode_t type, unsigned major_number, unsigned minor_number) noexcept {
    struct ::stat status;
    return raw::fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type &&
           status.st_rdev == makedev(major_number, minor_number);
}

}  // namespace nau::runtime::child
