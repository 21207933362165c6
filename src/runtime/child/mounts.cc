#include <cerrno>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/child/context.h"
#include "runtime/child/copy_up.h"
#include "runtime/child/devices.h"
#include "runtime/child/mount_calls.h"
#include "runtime/child/paths.h"
#include "runtime/child/stages.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

namespace {

int open_mount_target(Context& c, const MountStep& step, bool is_directory) noexcept {
    const Step outer = c.step;
    c.step = Step::mount_target;
    const int target = open_target(step.target.c_str(), is_directory, step.no_symlinks);
    if (target == -ELOOP && step.no_symlinks) {
        die(c, ELOOP, "a symbolic link leads there");
    }
    check(c, target);
    // However the path got there (a link from elsewhere): nothing may hide parts of a procfs.
    if (!step.may_cover_procfs && !step.is_proc && !step.source_must_be_procfs &&
        is_on(target, kProcMagic)) {
        die(c, EPERM, "the target is in a procfs");
    }
    c.step = outer;
    return target;
}

void attach_hierarchies(Context& c, const MountStep& step, int mount) noexcept {
    for (const CgroupSubmount& hierarchy : step.cgroups) {
        const char* name = hierarchy.name.c_str();
        check(c, raw::mkdirat(mount, name, kDirectoryMode));
        int tree = kNone;
        uint64_t attributes = step.attributes;
        if (step.read_only_when_filled) {
            attributes |= MOUNT_ATTR_RDONLY;
        }
        if (hierarchy.source) {
            tree = c.in.sources[*hierarchy.source];
            const raw::MountAttr bound = {
                .attr_set = attributes, .attr_clr = 0, .propagation = MS_PRIVATE, .userns_fd = 0};
            check(c, raw::mount_setattr(tree, "", AT_EMPTY_PATH, bound));
        } else {
            tree = make_filesystem(c, hierarchy.fs_type.c_str(), hierarchy.parameters, attributes);
        }
        check(c, raw::move_mount(tree, "", mount, name, MOVE_MOUNT_F_EMPTY_PATH));
        raw::close(tree);
    }
}

}  // namespace

/// In a user namespace the kernel allows a new procfs or sysfs only where a complete one is in
/// sight already: while the host's tree is still attached.
void make_revealing_mounts(Context& c, const InitPlan& plan) noexcept {
    if (!plan.new_user_namespace && !plan.joins_user_namespace) {
        return;
    }
    for (size_t i = 0; i < plan.mounts.size() && c.premade_count < Context::kMaxPremade; ++i) {
        const MountStep& step = plan.mounts[i];
        if (step.kind == MountKind::filesystem &&
            (step.fs_type == "proc" || step.fs_type == "sysfs")) {
            at(c, Step::mount, i);
            c.premade[c.premade_count++] = {
                i, make_filesystem(c, step.fs_type.c_str(), step.parameters, step.attributes)};
        }
    }
}

namespace {

int take_filesystem(Context& c, const MountStep& step, size_t index) noexcept {
    for (size_t i = 0; i < c.premade_count; ++i) {
        if (c.premade[i].step == index) {
            return c.premade[i].mount;
        }
    }
    return make_filesystem(c, step.fs_type.c_str(), step.parameters, step.attributes);
}

void mount_filesystem(Context& c, const MountStep& step, size_t index) noexcept {
    int mount = take_filesystem(c, step, index);
    if (step.id_map) {
        map_ids(c, mount, c.in.id_maps[*step.id_map]);
    }
    make_nodes_in(c, mount, step.devices);
    make_symlinks_in(c, mount, step.symlinks);
    const int target = open_mount_target(c, step, true);
    if (step.copy_up) {
        copy_up(c, step, mount);
    }
    attach(c, mount, target);
    raw::close(target);
    // Mounting on a mount that is not attached yet needs Linux ≥ 6.15.
    attach_hierarchies(c, step, mount);
    if (step.read_only_when_filled) {
        make_read_only(c, mount, 0);
    }
    if (step.propagation != 0) {
        set_attributes(c, mount, step);
    }
    if (step.is_proc) {
        c.proc = mount;
    } else if (step.is_dev) {
        c.dev = mount;
    } else if (step.fs_type == "devpts" && step.target == "dev/pts") {
        c.devpts = mount;
    } else {
        raw::close(mount);
    }
}

/// The target is not made: without a mount on it there is nothing to change.
void remount(Context& c, const MountStep& step) noexcept {
    at(c, Step::mount, c.object);
    const int target = check(
        c,
        open_in_root(step.target.c_str(), O_PATH, step.no_symlinks ? raw::kResolveNoSymlinks : 0));
    if (!step.parameters.empty()) {
        reconfigure_filesystem(c, target, step.parameters);
    }
    set_attributes(c, target, step);
    raw::close(target);
}

void mount_bind(Context& c, const MountStep& step) noexcept {
    const int tree = c.in.sources[*step.source];
    struct ::stat status;
    check(c, raw::fstat(tree, &status));
    if (step.source_must_be_procfs && !is_on(tree, kProcMagic)) {
        die(c, EPERM, "only a procfs may cover /proc");
    }
    set_attributes(c, tree, step);
    const int target = open_mount_target(c, step, S_ISDIR(status.st_mode));
    attach(c, tree, target);
    raw::close(target);
    raw::close(tree);
}

}  // namespace

void make_mounts(Context& c, const InitPlan& plan) noexcept {
    for (size_t i = 0; i < plan.mounts.size(); ++i) {
        at(c, Step::mount, i);
        const MountStep& step = plan.mounts[i];
        switch (step.kind) {
            case MountKind::bind:
                mount_bind(c, step);
                break;
            case MountKind::filesystem:
                mount_filesystem(c, step, i);
                break;
            case MountKind::remount:
                remount(c, step);
                break;
        }
    }
}

}  // namespace nau::runtime::child
