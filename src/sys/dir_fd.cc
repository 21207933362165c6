#include "sys/dir_fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <deque>

#include "base/error.h"
#include "base/scope_exit.h"
#include "sys/random.h"
#include "sys/raw.h"

namespace nau::sys {

namespace {

constexpr uint64_t kInRoot = raw::kResolveInRoot | raw::kResolveNoMagiclinks;
constexpr uint64_t kBeneath = raw::kResolveBeneath | raw::kResolveNoMagiclinks;
constexpr uint64_t kOneStep =
    raw::kResolveBeneath | raw::kResolveNoMagiclinks | raw::kResolveNoSymlinks;
/// As many links as the kernel follows in one path (MAXSYMLINKS).
constexpr int kMostLinks = 40;

void refuse_nul(const std::string& path) {
    if (path.find('\0') != path.npos) {
        throw SysError(EINVAL, "path '{}' holds a NUL byte", path.c_str());
    }
}

/// openat2 takes no empty path; "" and "/" are the root itself.
const char* resolvable(const std::string& path) {
    return path.empty() ? "." : path.c_str();
}

bool is_absence(int error) {
    return error == ENOENT || error == ENOTDIR;
}

struct SplitPath {
    std::string directory;  // "." for none
    std::string name;
};

/// Parent and last component; trailing slashes do not count.
SplitPath split_last(const std::string& path) {
    refuse_nul(path);
    const auto end = path.find_last_not_of('/');
    if (end == path.npos) {
        throw SysError(EBUSY, "'{}' is the root itself", path);
    }
    const auto slash = path.rfind('/', end);
    SplitPath parts{.directory = slash == path.npos ? "." : path.substr(0, slash + 1),
                    .name = path.substr(slash == path.npos ? 0 : slash + 1,
                                        slash == path.npos ? end + 1 : end - slash)};
    if (parts.name == "." || parts.name == "..") {
        throw SysError(EINVAL, "'{}' ends in {}", path, parts.name);
    }
    return parts;
}

}  // namespace

// --- openat2

int try_openat2(int dir_fd, const char* path, int flags, mode_t mode, uint64_t resolve) noexcept {
    // A rename anywhere on the file system can make ".." uncertain; a container that renames in a
    // loop must not keep us here for ever.
    constexpr int kMostAttempts = 128;
    const bool makes_file = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    const raw::OpenHow how = {
        .flags = static_cast<uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC)),
        .mode = makes_file ? mode : 0U,
        .resolve = resolve};
    int fd = -EAGAIN;
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
        fd = raw::openat2(dir_fd, path, how);
        if (fd != -EAGAIN && fd != -EINTR) {
            return fd;
        }
    }
    return fd;
}

UniqueFd openat2(int dir_fd, const std::string& path, int flags, mode_t mode, uint64_t resolve) {
    refuse_nul(path);
    const int fd = try_openat2(dir_fd, resolvable(path), flags, mode, resolve);
    if (fd < 0) {
        throw SysError(-fd, "open {}", path);
    }
    return UniqueFd(fd);
}

// --- opening

DirFd DirFd::open_root(const std::string& path) {
    return DirFd(sys::open(path, O_PATH | O_DIRECTORY));
}

UniqueFd DirFd::open_in_root(const std::string& path, int flags, mode_t mode) const {
    return openat2(fd(), path, flags, mode, kInRoot);
}

std::optional<UniqueFd> DirFd::find_in_root(const std::string& path, int flags) const {
    refuse_nul(path);
    const int found = try_openat2(fd(), resolvable(path), flags, 0, kInRoot);
    if (found < 0) {
        if (is_absence(-found)) {
            return std::nullopt;
        }
        throw SysError(-found, "open {}", path);
    }
    return UniqueFd(found);
}

UniqueFd DirFd::open_beneath(const std::string& path, int flags, mode_t mode) const {
    return openat2(fd(), path, flags, mode, kBeneath);
}

std::optional<UniqueFd> DirFd::find_beneath(const std::string& path, int flags) const {
    refuse_nul(path);
    const int found = try_openat2(fd(), resolvable(path), flags, 0, kBeneath);
    if (found < 0) {
        if (is_absence(-found)) {
            return std::nullopt;
        }
        throw SysError(-found, "open {}", path);
    }
    return UniqueFd(found);
}

DirFd DirFd::open_directory_in_root(const std::string& path) const {
    return DirFd(open_in_root(path, O_PATH | O_DIRECTORY));
}

namespace {

/// Turns an O_PATH descriptor into a readable one, if it is a regular file.
UniqueFd reopen_regular(const UniqueFd& found, const std::string& path) {
    if (!S_ISREG(fstat(found.get()).st_mode)) {
        throw Error(ErrorKind::invalid, "open {}: not a regular file", path);
    }
    // The magic link leads to this very inode, wherever its name has gone since.
    return sys::open(proc_fd_path(found.get()), O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

}  // namespace

UniqueFd DirFd::open_regular_in_root(const std::string& path) const {
    return reopen_regular(open_in_root(path, O_PATH), path);
}

std::string DirFd::read_file_in_root(const std::string& path, size_t max_bytes) const {
    return read_fd(open_regular_in_root(path).get(), max_bytes);
}

std::optional<std::string> DirFd::read_file_in_root_if_exists(const std::string& path,
                                                              size_t max_bytes) const {
    const auto found = find_in_root(path, O_PATH);
    if (!found) {
        return std::nullopt;
    }
    return read_fd(reopen_regular(*found, path).get(), max_bytes);
}

DirFd::Parent DirFd::parent_in_root(const std::string& path) const {
    SplitPath parts = split_last(path);
    const int parent = try_openat2(fd(), parts.directory.c_str(), O_PATH | O_DIRECTORY, 0, kInRoot);
    if (parent < 0) {
        throw SysError(-parent, "open parent of {}", path);
    }
    return {.fd = UniqueFd(parent), .name = std::move(parts.name)};
}

std::string DirFd::readlink_in_root(const std::string& path) const {
    const Parent parent = parent_in_root(path);
    return sys::readlinkat(parent.fd.get(), parent.name);
}

// --- making

namespace {

/// chmod by an O_PATH descriptor, which fchmod() refuses.
void chmod_found(const UniqueFd& fd, mode_t mode) {
    const int result = raw::fchmodat2(fd.get(), "", mode, AT_EMPTY_PATH);
    if (result == 0) {
        return;
    }
    // Before Linux 6.6, or inside a filter that does not know the call.
    sys::chmod(proc_fd_path(fd.get()), mode);
}

/// Walks to a directory that may not exist in full yet. `done` is resolved by the kernel inside
/// the root again and again, so that links in it need no thought here; `rest` is what is missing.
class DirectoryMaker {
  public:
    DirectoryMaker(int root, mode_t mode, const std::string& path)
        : root_(root), mode_(mode), path_(path) {
        push_front(path);
    }

    UniqueFd make() {
        UniqueFd current = openat2(root_, ".", O_PATH | O_DIRECTORY, 0, kInRoot);
        while (!rest_.empty()) {
            std::string name = std::move(rest_.front());
            rest_.pop_front();
            current = is_below_new_ ? make_below(current, name) : step(std::move(current), name);
        }
        return current;
    }

  private:
    void push_front(const std::string& path) {
        std::vector<std::string> components;
        for (size_t at = 0; at < path.size();) {
            const size_t end = std::min(path.find('/', at), path.size());
            if (end > at && path.compare(at, end - at, ".") != 0) {
                components.push_back(path.substr(at, end - at));
            }
            at = end + 1;
        }
        rest_.insert(rest_.begin(), components.begin(), components.end());
    }

    /// One component where everything before it exists.
    UniqueFd step(UniqueFd current, const std::string& name) {
        const std::string candidate = done_ + "/" + name;
        const int found = try_openat2(root_, candidate.c_str(), O_PATH | O_DIRECTORY, 0, kInRoot);
        if (found >= 0) {
            done_ = candidate;
            return UniqueFd(found);
        }
        if (found != -ENOENT || name == "..") {
            throw SysError(-found, "mkdir {}", path_);
        }
        std::array<char, PATH_MAX> target;
        const long length =
            raw::readlinkat(current.get(), name.c_str(), target.data(), target.size());
        if (length < 0) {
            return make_below(current, name);
        }
        // A dangling link: what it names is to be made, inside the root.
        if (++links_ > kMostLinks) {
            throw SysError(ELOOP, "mkdir {}", path_);
        }
        const std::string text(target.data(), static_cast<size_t>(length));
        push_front(text);
        if (text.starts_with('/')) {
            done_.clear();
            return openat2(root_, ".", O_PATH | O_DIRECTORY, 0, kInRoot);
        }
        return current;
    }

    /// One component below a directory that we made, or that lacks it.
    UniqueFd make_below(const UniqueFd& current, const std::string& name) {
        if (name == "..") {
            throw SysError(ENOENT, "mkdir {}: '..' below a missing directory", path_);
        }
        const int made = raw::mkdirat(current.get(), name.c_str(), mode_);
        if (made < 0 && made != -EEXIST) {
            throw SysError(-made, "mkdir {}", path_);
        }
        const int opened =
            try_openat2(current.get(), name.c_str(), O_PATH | O_DIRECTORY, 0, kOneStep);
        if (opened < 0) {
            throw SysError(-opened, "mkdir {}", path_);
        }
        UniqueFd fd(opened);
        if (made == 0) {
            chmod_found(fd, mode_);  // the umask had its say in mkdirat
        }
        is_below_new_ = true;
        return fd;
    }

    int root_;
    mode_t mode_;
    const std::string& path_;
    std::string done_;
    std::deque<std::string> rest_;
    int links_ = 0;
    bool is_below_new_ = false;
};

}  // namespace

DirFd DirFd::mkdir_all_in_root(const std::string& path, mode_t mode) const {
    refuse_nul(path);
    const int found = try_openat2(fd(), resolvable(path), O_PATH | O_DIRECTORY, 0, kInRoot);
    if (found >= 0) {
        return DirFd(UniqueFd(found));
    }
    return DirFd(DirectoryMaker(fd(), mode, path).make());
}

bool DirFd::mkdir_in_root(const std::string& path, mode_t mode) const {
    const Parent parent = parent_in_root(path);
    return sys::mkdirat(parent.fd.get(), parent.name, mode);
}

UniqueFd DirFd::create_file(const std::string& path, mode_t mode) const {
    const Parent parent = parent_in_root(path);
    return sys::openat(parent.fd.get(), parent.name, O_RDWR | O_CREAT | O_EXCL, mode);
}

void DirFd::write_file_in_root(const std::string& path, std::string_view bytes, mode_t mode) const {
    const Parent parent = parent_in_root(path);
    const std::string temporary = ".tmp-" + random_hex(8);
    UniqueFd file = sys::openat(parent.fd.get(), temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
    ScopeExit remove_temporary(
        [&]() noexcept { (void)raw::unlinkat(parent.fd.get(), temporary.c_str()); });
    write_all(file.get(), bytes);
    sys::fchmod(file.get(), mode);
    file.close_checked(path.c_str());
    sys::renameat2(parent.fd.get(), temporary, parent.fd.get(), parent.name);
    remove_temporary.release();
}

void DirFd::symlink(const std::string& target, const std::string& path) const {
    const Parent parent = parent_in_root(path);
    sys::symlinkat(target, parent.fd.get(), parent.name);
}

void DirFd::link(const std::string& existing, const std::string& path) const {
    const Parent from = parent_in_root(existing);
    const Parent to = parent_in_root(path);
    sys::linkat(from.fd.get(), from.name, to.fd.get(), to.name);
}

void DirFd::mknod(const std::string& path, mode_t mode, dev_t device) const {
    const Parent parent = parent_in_root(path);
    sys::mknodat(parent.fd.get(), parent.name, mode, device);
}

// --- removing, renaming

void DirFd::unlink(const std::string& path) const {
    const Parent parent = parent_in_root(path);
    sys::unlinkat(parent.fd.get(), parent.name);
}

void DirFd::rmdir(const std::string& path) const {
    const Parent parent = parent_in_root(path);
    sys::unlinkat(parent.fd.get(), parent.name, AT_REMOVEDIR);
}

void DirFd::rename(const std::string& from, const std::string& to, unsigned flags) const {
    const Parent source = parent_in_root(from);
    const Parent target = parent_in_root(to);
    sys::renameat2(source.fd.get(), source.name, target.fd.get(), target.name, flags);
}

void DirFd::remove_tree_in_root(const std::string& path) const {
    const SplitPath parts = split_last(path);
    const auto parent = find_in_root(parts.directory, O_PATH | O_DIRECTORY);
    if (parent) {
        sys::remove_tree(parent->get(), parts.name);
    }
}

// --- asking

std::optional<struct ::stat> DirFd::stat_nofollow(const std::string& path) const {
    const auto found = find_in_root(path, O_PATH | O_NOFOLLOW);
    return found ? std::optional(fstat(found->get())) : std::nullopt;
}

std::optional<struct ::stat> DirFd::stat_in_root(const std::string& path) const {
    const auto found = find_in_root(path, O_PATH);
    return found ? std::optional(fstat(found->get())) : std::nullopt;
}

std::vector<DirEntry> DirFd::list_directory_in_root(const std::string& path) const {
    return list_directory(open_in_root(path, O_RDONLY | O_DIRECTORY).get());
}

// --- metadata

void DirFd::chown_nofollow(const std::string& path, uid_t uid, gid_t gid) const {
    const UniqueFd found = open_in_root(path, O_PATH | O_NOFOLLOW);
    const int result = raw::fchownat(found.get(), "", uid, gid, AT_EMPTY_PATH);
    if (result < 0) {
        throw SysError(-result, "chown {}", path);
    }
}

void DirFd::chmod_nofollow(const std::string& path, mode_t mode) const {
    const UniqueFd found = open_in_root(path, O_PATH | O_NOFOLLOW);
    if (S_ISLNK(fstat(found.get()).st_mode)) {
        throw SysError(EOPNOTSUPP, "chmod {}", path);
    }
    doing([&] { return fmt::format("mode of {}", path); }, [&] { chmod_found(found, mode); });
}

void DirFd::set_times_nofollow(const std::string& path,
                               timespec access,
                               timespec modification) const {
    const Parent parent = parent_in_root(path);
    sys::utimensat(parent.fd.get(), parent.name, access, modification);
}

void DirFd::set_xattr_nofollow(const std::string& path,
                               const std::string& name,
                               std::string_view value) const {
    const Parent parent = parent_in_root(path);
    sys::setxattrat(parent.fd.get(), parent.name, name, value);
}

}  // namespace nau::sys
