#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>

#include "runtime/child/context.h"
#include "runtime/child/stages.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

void attach_root(Context& c, const InitPlan& plan) noexcept {
    at(c, Step::mount_propagation);
    const raw::MountAttr is_private = {
        .attr_set = 0, .attr_clr = 0, .propagation = MS_PRIVATE, .userns_fd = 0};
    check(c, raw::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, is_private));

    at(c, Step::attach_rootfs);
    // Over "/" no directory is needed for it; where hooks are to find it, at the path of the spec.
    const char* place = plan.root_mount_point.empty() ? "/" : plan.root_mount_point.c_str();
    check(c,
          raw::move_mount(
              c.in.rootfs, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS));
    check(c, raw::fchdir(c.in.rootfs));
}

void enter_root(Context& c) noexcept {
    at(c, Step::pivot_root);
    check(c, raw::fchdir(c.in.rootfs));
    // The old root is put over the new one and comes off again: no directory is needed for it.
    check(c, raw::pivot_root(".", "."));
    check(c, raw::umount2(".", MNT_DETACH));
    check(c, raw::chdir("/"));
}

void finish_root(Context& c, const InitPlan& plan) noexcept {
    if (plan.readonly_root) {
        at(c, Step::readonly_root);
        const raw::MountAttr attributes = {
            .attr_set = MOUNT_ATTR_RDONLY, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
        check(c, raw::mount_setattr(AT_FDCWD, "/", 0, attributes));
    }
    if (plan.root_propagation != 0 && plan.root_propagation != MS_PRIVATE) {
        at(c, Step::mount_propagation);
        const raw::MountAttr attributes = {
            .attr_set = 0, .attr_clr = 0, .propagation = plan.root_propagation, .userns_fd = 0};
        check(c,
              raw::mount_setattr(
                  AT_FDCWD, "/", plan.root_propagation_all ? AT_RECURSIVE : 0, attributes));
    }
}

}  // namespace nau::runtime::child
