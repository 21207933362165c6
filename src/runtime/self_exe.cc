#include "runtime/self_exe.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::runtime {

namespace raw = sys::raw;
using sys::UniqueFd;

namespace {

constexpr const char* kSelf = "/proc/self/exe";
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

bool is_protected(int fd) {
    const int seals = raw::fcntl(fd, F_GET_SEALS);
    if (seals >= 0) {
        return (seals & kSeals) == kSeals;
    }
    // The clone below is the only reason for nau to sit on a mount that is read-only and detached;
    // a binary on an ordinary read-only mount can be made writable by a remount, so it does not
    // count unless it is detached: then its path has no way to the root.
    struct ::statfs status = sys::fstatfs(fd);
    if ((static_cast<unsigned long>(status.f_flags) & ST_RDONLY) == 0) {
        return false;
    }
    // A detached mount shows its own root, which here is the file itself: the path is "/".
    char target[16];
    const long length = raw::readlinkat(AT_FDCWD, kSelf, target, sizeof target);
    return length == 1 && target[0] == '/';
}

/// A detached, read-only clone of the mount of just this one file: no copy is made, and the pages
/// stay shared with every other nau. A writable descriptor of it cannot be opened, not even by a
/// root who reaches it through /proc/<pid>/exe: the mount is in no namespace in which it could be
/// remounted.
UniqueFd clone_self() {
    const int fd = raw::open_tree(AT_FDCWD, kSelf, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0) {
        return {};
    }
    UniqueFd tree(fd);
    const raw::MountAttr attributes = {
        .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
        .attr_clr = 0,
        .propagation = MS_PRIVATE,
        .userns_fd = 0,
    };
    if (raw::mount_setattr(tree.get(), "", AT_EMPTY_PATH, attributes) < 0) {
        return {};
    }
    return tree;
}

UniqueFd copy_self() {
    const UniqueFd source = sys::open(kSelf, O_RDONLY);
    UniqueFd copy = sys::memfd_create("nau", MFD_ALLOW_SEALING);
    const auto size = static_cast<uint64_t>(sys::fstat(source.get()).st_size);
    sys::copy_data(source.get(), copy.get(), size);
    sys::fchmod(copy.get(), 0555);
    if (const int result = raw::fcntl(copy.get(), F_ADD_SEALS, kSeals); result < 0) {
        throw SysError(-result, "seal the copy of nau");
    }
    return copy;
}

}  // namespace

bool is_self_protected() {
    const UniqueFd self = sys::open(kSelf, O_RDONLY);
    return is_protected(self.get());
}

UniqueFd open_protected_self() {
    UniqueFd self = sys::open(kSelf, O_RDONLY);
    if (is_protected(self.get())) {
        return self;
    }
    if (UniqueFd clone = clone_self()) {
        return clone;
    }
    return copy_self();
}

}  // namespace nau::runtime
