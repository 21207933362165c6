#include <cerrno>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <vector>

#include "runtime/child/context.h"
#include "runtime/child/mount_calls.h"
#include "runtime/child/paths.h"
#include "runtime/child/stages.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

namespace {

/// A verified /dev/null to put over files (CVE-2025-31133).
int open_null(Context& c) noexcept {
    const int fd = c.dev != kNone ? raw::openat(c.dev, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC)
                                  : open_in_root("dev/null", O_PATH, raw::kResolveNoSymlinks);
    check(c, fd, "/dev/null is missing");
    if (!is_device(fd, S_IFCHR, 1, 3)) {
        die(c, EPERM, "/dev/null is not the null device");
    }
    return fd;
}

}  // namespace

void mask_paths(Context& c, const InitPlan& plan) noexcept {
    int empty = kNone;  // an empty read-only directory, shared by all
    int null = kNone;
    for (size_t i = 0; i < plan.masked_paths.size(); ++i) {
        at(c, Step::masked_path, i);
        const int target = open_in_root(plan.masked_paths[i].c_str(), O_PATH);
        if (target == -ENOENT || target == -ENOTDIR) {
            continue;
        }
        check(c, target);
        struct ::stat status;
        check(c, raw::fstat(target, &status));
        int cover = kNone;
        if (!S_ISDIR(status.st_mode)) {
            null = null == kNone ? open_null(c) : null;
            cover = check(
                c, raw::open_tree(null, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
        } else if (empty == kNone) {
            static const std::vector<FsParameter> no_parameters;
            cover = make_filesystem(
                c,
                "tmpfs",
                no_parameters,
                MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        } else {
            // The first one is attached by now: older kernels clone no detached mounts.
            cover = check(
                c, raw::open_tree(empty, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
        }
        attach(c, cover, target);
        raw::close(target);
        if (S_ISDIR(status.st_mode) && empty == kNone) {
            empty = cover;
        } else {
            raw::close(cover);
        }
    }
    close_if_open(empty);
    close_if_open(null);
}

void make_paths_read_only(Context& c, const InitPlan& plan) noexcept {
    for (size_t i = 0; i < plan.readonly_paths.size(); ++i) {
        at(c, Step::readonly_path, i);
        const int target = open_in_root(plan.readonly_paths[i].c_str(), O_PATH);
        if (target == -ENOENT || target == -ENOTDIR) {
            continue;
        }
        check(c, target);
        const int tree = check(
            c,
            raw::open_tree(
                target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
        make_read_only(c, tree, AT_RECURSIVE);
        attach(c, tree, target);
        raw::close(tree);
        raw::close(target);
    }
}

}  // namespace nau::runtime::child
