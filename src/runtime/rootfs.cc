#include "runtime/rootfs.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/scope_exit.h"
#include "runtime/id_maps.h"
#include "runtime/page_overlay.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/file_identity.h"
#include "sys/mount.h"
#include "sys/raw.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

namespace nau::runtime {

namespace raw = sys::raw;
using sys::UniqueFd;

namespace {

/// The kernel refuses longer values of fsconfig (strndup_user(…, 256) counts the NUL).
constexpr size_t kFsconfigValueMax = 255;

/// What the kernel wrote into the context's log about the last failure, as ": text"; else nothing.
std::string read_fs_log(int fs_fd) {
    char buffer[512];
    const long size = raw::read(fs_fd, buffer, sizeof buffer);
    // "e overlay: No changes allowed in …\n"; without a message ENODATA.
    if (size <= 2) {
        return {};
    }
    std::string text(buffer + 2, static_cast<size_t>(size) - 2);
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return fmt::format(" ({})", text);
}

/// Linux ≥ 5.19 for layers of an overlay, and each file system below since a version of its own.
void map_ids(int mount_fd, int map_fd, const std::string& path) {
    const raw::MountAttr attributes = {.attr_set = MOUNT_ATTR_IDMAP,
                                       .attr_clr = 0,
                                       .propagation = 0,
                                       .userns_fd = static_cast<uint64_t>(map_fd)};
    const int result = raw::mount_setattr(mount_fd, "", AT_EMPTY_PATH, attributes);
    if (result == -EINVAL) {
        throw Error(ErrorKind::unsupported,
                    "map the ids of {}: the file system or the kernel cannot do it",
                    path)
            .with_hint("ext4, xfs and btrfs can (Linux 5.19), tmpfs can (Linux 6.3)");
    }
    if (result < 0) {
        throw SysError(-result, "map the ids of {}", path);
    }
}

/// @param map_fd a user namespace whose maps the tree gets; -1: none
UniqueFd open_directory(const std::string& path, int map_fd) {
    if (map_fd < 0) {
        return sys::open(path, O_PATH | O_DIRECTORY);
    }
    const int fd = raw::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0) {
        throw SysError(-fd, "open {}", path);
    }
    UniqueFd tree(fd);
    map_ids(tree.get(), map_fd, path);
    return tree;
}

/// An overlay being configured. Layers are named by descriptors: paths may be of any length and
/// hold any character, and nothing is resolved twice.
class OverlayContext {
  public:
    /// @param map_fd borrowed; -1: none
    explicit OverlayContext(int map_fd)
        : fs_fd_(raw::fsopen("overlay", FSOPEN_CLOEXEC)), map_fd_(map_fd) {
        const int error = fs_fd_.get() < 0 ? open_error() : 0;
        if (error != 0) {
            throw SysError(error, "open an overlay file system");
        }
        set_string("source", "overlay");
    }
    ~OverlayContext() {
        if (caller_directory_) {
            (void)raw::fchdir(caller_directory_.get());  // it was there a moment ago
        }
    }
    OverlayContext(const OverlayContext&) = delete;
    OverlayContext& operator=(const OverlayContext&) = delete;
    OverlayContext(OverlayContext&&) = delete;
    OverlayContext& operator=(OverlayContext&&) = delete;

    /// @return false when this kernel's fsconfig cannot name so many
    bool set_lower(const std::vector<std::string>& paths) {
        lower_.reserve(paths.size());
        for (const std::string& path : paths) {
            lower_.push_back(open_directory(path, map_fd_));
        }
        // A mapped tree is in no namespace and has no name: descriptors alone lead to it.
        return try_lower_fds() || (map_fd_ < 0 && try_lower_in_one_string());
    }

    /// @throws Error{invalid} where ids are mapped and the two do not lie side by side
    void set_upper(const std::string& upper, const std::string& work) {
        if (map_fd_ < 0) {
            set_directory("upperdir", open_directory(upper, map_fd_));
            set_directory("workdir", open_directory(work, map_fd_));
            return;
        }
        // Both must be of one mount, and mapping makes a mount: of the directory that holds both.
        const auto split = [](const std::string& path) {
            const size_t slash = path.rfind('/');
            return std::pair(path.substr(0, slash), path.substr(slash + 1));
        };
        const auto [upper_parent, upper_name] = split(upper);
        const auto [work_parent, work_name] = split(work);
        if (upper_parent != work_parent) {
            throw Error(ErrorKind::invalid,
                        "{} and {} do not lie in one directory, whose ids could be mapped",
                        upper,
                        work);
        }
        UniqueFd parent = open_directory(upper_parent, map_fd_);
        set_directory("upperdir", open_below(parent.get(), upper_name));
        set_directory("workdir", open_below(parent.get(), work_name));
        others_.push_back(std::move(parent));
    }

    void set_flag(const char* key) {
        const int result = raw::fsconfig(fs_fd_.get(), FSCONFIG_SET_FLAG, key, nullptr);
        if (result < 0) {
            fail(-result, key);
        }
    }

    UniqueFd mount(unsigned attributes) {
        const int created = raw::fsconfig(fs_fd_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr);
        if (created < 0) {
            fail(-created, "create");
        }
        UniqueFd mount_fd(raw::fsmount(fs_fd_.get(), FSMOUNT_CLOEXEC, attributes));
        if (!mount_fd) {
            fail(EINVAL, "fsmount");
        }
        return mount_fd;
    }

  private:
    // A negative result was swallowed by UniqueFd's "none"; ask again for the reason.
    static int open_error() {
        const int fd = raw::fsopen("overlay", FSOPEN_CLOEXEC);
        if (fd >= 0) {
            raw::close(fd);
            return EAGAIN;
        }
        return -fd;
    }

    [[noreturn]] void fail(int error, const char* what) const {
        throw SysError(error, "mount the overlay: {}{}", what, read_fs_log(fs_fd_.get()));
    }

    void set_string(const char* key, const std::string& value) {
        const int result = raw::fsconfig(fs_fd_.get(), FSCONFIG_SET_STRING, key, value.c_str());
        if (result < 0) {
            fail(-result, key);
        }
    }

    /// Linux ≥ 6.13.
    bool try_lower_fds() {
        for (const UniqueFd& fd : lower_) {
            const int result =
                raw::fsconfig(fs_fd_.get(), FSCONFIG_SET_FD, "lowerdir+", nullptr, fd.get());
            if (result < 0) {
                if (&fd != &lower_.front()) {
                    fail(-result, "lowerdir");
                }
                return false;
            }
        }
        return true;
    }

    /// One string of at most 255 bytes for all layers: made of descriptor numbers, relative to
    /// /proc/self/fd as the working directory, it has room for some 64 to 85 of them.
    bool try_lower_in_one_string() {
        std::string list;
        for (const UniqueFd& fd : lower_) {
            list += fmt::format("{}{}", list.empty() ? "" : ":", fd.get());
        }
        if (list.size() > kFsconfigValueMax) {
            return false;
        }
        caller_directory_ = sys::open(".", O_PATH | O_DIRECTORY);
        if (const int result = raw::chdir("/proc/self/fd"); result < 0) {
            throw SysError(-result, "change to /proc/self/fd");
        }
        // Linux ≥ 6.5 looks the names up now, older ones at mount time: the destructor goes back.
        set_string("lowerdir", list);
        return true;
    }

    static UniqueFd open_below(int parent_fd, const std::string& name) {
        return sys::openat2(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_BENEATH);
    }

    /// Keeps the descriptor: a mapped tree ends with its last one, and is used when all is set.
    void set_directory(const char* key, UniqueFd fd) {
        // Linux ≥ 6.13 takes descriptors.
        if (raw::fsconfig(fs_fd_.get(), FSCONFIG_SET_FD, key, nullptr, fd.get()) < 0) {
            set_string(key, fmt::format("/proc/self/fd/{}", fd.get()));
        }
        others_.push_back(std::move(fd));
    }

    UniqueFd fs_fd_;
    int map_fd_;
    UniqueFd caller_directory_;  ///< set while the working directory is /proc/self/fd
    std::vector<UniqueFd> lower_;
    std::vector<UniqueFd> others_;
};

void check_absolute(const std::string& path, const char* what) {
    if (path.empty() || path.front() != '/') {
        throw Error(ErrorKind::invalid, "the root's {} '{}' is not an absolute path", what, path);
    }
}

/// A private copy of the tree below `path`, with the mounts in it. Without the change of
/// propagation the copy would be a peer of the host's mount: what the container mounts below it
/// would appear on the host.
UniqueFd clone_tree(const std::string& path, bool read_only, int map_fd) {
    const int fd =
        raw::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (fd < 0) {
        throw SysError(-fd, "open {}", path);
    }
    UniqueFd tree(fd);
    const raw::MountAttr attributes = {
        .attr_set = read_only ? uint64_t{MOUNT_ATTR_RDONLY} : 0,
        .attr_clr = 0,
        .propagation = MS_PRIVATE,
        .userns_fd = 0,
    };
    if (const int result =
            raw::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, attributes);
        result < 0) {
        throw SysError(-result, "make {} private", path);
    }
    if (map_fd >= 0) {
        map_ids(tree.get(), map_fd, path);
    }
    struct ::stat status = sys::fstat(tree.get());
    if (!S_ISDIR(status.st_mode)) {
        throw SysError(ENOTDIR, "open {}", path);
    }
    return tree;
}

/// The mount at `path` once more, without what may be mounted below it, writable and private.
UniqueFd clone_mount(const std::string& path) {
    UniqueFd mount = sys::open_tree(AT_FDCWD, path, OPEN_TREE_CLONE);
    sys::mount_setattr(mount.get(),
                       "",
                       AT_EMPTY_PATH,
                       {.set = 0, .clear = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE});
    return mount;
}

/// What 0 inside is outside, by a text of /proc/<pid>/uid_map; else the first id that is mapped.
uint32_t root_outside(const std::string& map) {
    std::istringstream lines(map);
    std::optional<uint32_t> first;
    uint32_t inside = 0;
    uint32_t outside = 0;
    uint32_t count = 0;
    while (lines >> inside >> outside >> count) {
        if (inside == 0) {
            return outside;
        }
        first = first ? first : outside;
    }
    return first.value_or(0);
}

UniqueFd open_overlay(const RootfsSpec& spec, int map_fd) {
    if (spec.lower_dirs.empty()) {
        throw Error(ErrorKind::invalid, "the root's overlay has no lower directory");
    }
    for (const std::string& path : spec.lower_dirs) {
        check_absolute(path, "lower directory");
    }
    if (spec.upper.empty() && spec.lower_dirs.size() == 1) {
        // An overlay of a single directory is refused by the kernel, and would be no use.
        return clone_tree(spec.lower_dirs.front(), true, map_fd);
    }
    if (!spec.upper.empty()) {
        check_absolute(spec.upper, "upper directory");
        check_absolute(spec.work, "work directory");
        if (spec.is_volatile) {
            // The mark of an earlier volatile mount, which the kernel refuses to follow with
            // another, since after a crash of the machine files may be half written. Those of --rm
            // do not outlive the boot.
            sys::remove_tree(spec.work + "/work/incompat");
        }
    }
    // An overlay makes its working files as who mounts it, and the machine's root owns nothing in a
    // mapped directory.
    std::optional<sys::FileIdentity> identity;
    if (map_fd >= 0) {
        identity.emplace(root_outside(spec.uid_map), root_outside(spec.gid_map));
    }
    OverlayContext overlay(map_fd);
    if (!overlay.set_lower(spec.lower_dirs)) {
        if (map_fd >= 0) {
            throw Error(ErrorKind::unsupported,
                        "the ids of an image's {} layers can be mapped from Linux 6.15 on",
                        spec.lower_dirs.size());
        }
        return mount_page_overlay({.lower_dirs = spec.lower_dirs,
                                   .upper = spec.upper,
                                   .work = spec.work,
                                   .is_volatile = spec.is_volatile,
                                   .read_only = spec.read_only});
    }
    if (!spec.upper.empty()) {
        overlay.set_upper(spec.upper, spec.work);
        if (spec.is_volatile) {
            overlay.set_flag("volatile");
        }
    }
    return overlay.mount(spec.read_only ? MOUNT_ATTR_RDONLY : 0);
}

}  // namespace

UniqueFd open_rootfs(const RootfsSpec& spec) {
    if (!spec.mounted_at.empty() && sys::is_mount_point(spec.mounted_at)) {
        return clone_mount(spec.mounted_at);
    }
    UniqueFd map;
    if (!spec.uid_map.empty()) {
        map = make_mapping_namespace(spec.uid_map, spec.gid_map, "the root");
    }
    if (spec.kind == RootfsKind::overlay) {
        return open_overlay(spec, map.get());
    }
    check_absolute(spec.path, "directory");
    return clone_tree(spec.path, spec.read_only, map.get());
}

}  // namespace nau::runtime
