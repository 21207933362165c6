#include "runtime/child/mount_calls.h"

#include <fcntl.h>
#include <linux/mount.h>

#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

namespace {

/// A failure of a call on a file system context, with the kernel's own words about it.
void check_context(const Context& c, int fs, int result) noexcept {
    if (result >= 0) {
        return;
    }
    char log[172] = {};
    const long size = raw::read(fs, log, sizeof log - 1);
    // "e tmpfs: Bad value …\n"
    for (long i = size; i > 0 && (log[i - 1] == '\n' || log[i - 1] == '\0'); --i) {
        log[i - 1] = '\0';
    }
    die(c, -result, size > 2 ? log + 2 : "");
}

void set_parameters(const Context& c, int fs, const std::vector<FsParameter>& parameters) noexcept {
    for (const FsParameter& parameter : parameters) {
        check_context(c,
                      fs,
                      raw::fsconfig(fs,
                                    parameter.value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
                                    parameter.key.c_str(),
                                    parameter.value ? parameter.value->c_str() : nullptr));
    }
}

}  // namespace

int make_filesystem(Context& c,
                    const char* type,
                    const std::vector<FsParameter>& parameters,
                    uint64_t attributes) noexcept {
    const int fs = check(c, raw::fsopen(type, FSOPEN_CLOEXEC), "unknown file system");
    set_parameters(c, fs, parameters);
    check_context(c, fs, raw::fsconfig(fs, FSCONFIG_CMD_CREATE, nullptr, nullptr));
    const int mount = raw::fsmount(fs, FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes));
    check_context(c, fs, mount);
    raw::close(fs);
    return mount;
}

void reconfigure_filesystem(Context& c,
                            int target,
                            const std::vector<FsParameter>& parameters) noexcept {
    const int fs = check(c, raw::fspick(target, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH));
    set_parameters(c, fs, parameters);
    check_context(c, fs, raw::fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr));
    raw::close(fs);
}

void map_ids(Context& c, int mount, int user_namespace) noexcept {
    const raw::MountAttr attributes = {.attr_set = MOUNT_ATTR_IDMAP,
                                       .attr_clr = 0,
                                       .propagation = 0,
                                       .userns_fd = static_cast<uint64_t>(user_namespace)};
    check(c,
          raw::mount_setattr(mount, "", AT_EMPTY_PATH, attributes),
          "this file system cannot map ids");
}

void set_attributes(Context& c, int mount, const MountStep& step) noexcept {
    const MountAttributeChange& change = step.change;
    if (change.set_all != 0 || change.clear_all != 0 || step.propagation_all) {
        const raw::MountAttr all = {.attr_set = change.set_all,
                                    .attr_clr = change.clear_all,
                                    .propagation = step.propagation_all ? step.propagation : 0,
                                    .userns_fd = 0};
        check(c, raw::mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, all));
    }
    const uint64_t propagation = step.propagation_all ? 0 : step.propagation;
    if (change.set != 0 || change.clear != 0 || propagation != 0) {
        const raw::MountAttr one = {.attr_set = change.set,
                                    .attr_clr = change.clear,
                                    .propagation = propagation,
                                    .userns_fd = 0};
        check(c, raw::mount_setattr(mount, "", AT_EMPTY_PATH, one));
    }
}

void make_read_only(Context& c, int mount, unsigned flags) noexcept {
    const raw::MountAttr attributes = {
        .attr_set = MOUNT_ATTR_RDONLY, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
    check(c, raw::mount_setattr(mount, "", AT_EMPTY_PATH | flags, attributes));
}

void attach(Context& c, int mount, int target) noexcept {
    check(
        c,
        raw::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

}  // namespace nau::runtime::child
