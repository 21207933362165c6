#include "runtime/child/devices.h"

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/child/paths.h"
#include "runtime/child/stages.h"
#include "runtime/sync.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

namespace {

void make_node_at(Context& c, int directory, const char* name, const DeviceNode& node) noexcept {
    const int result = raw::mknodat(directory, name, node.mode, makedev(node.major, node.minor));
    if (result == -EEXIST) {
        // runtime-spec: what exists must be the same device.
        const int fd = check(c, raw::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
        struct ::stat status;
        check(c, raw::fstat(fd, &status));
        raw::close(fd);
        if ((status.st_mode & S_IFMT) != (node.mode & S_IFMT) ||
            (!S_ISFIFO(node.mode) && status.st_rdev != makedev(node.major, node.minor))) {
            die(c, EEXIST, "another file of that name exists");
        }
    } else {
        check(c, result);
    }
    if (node.uid != 0 || node.gid != 0) {
        check(c, raw::fchownat(directory, name, node.uid, node.gid, AT_SYMLINK_NOFOLLOW));
    }
}

}  // namespace

/// Nodes may lie in directories of the new /dev ("net/tun"); nobody else can reach it yet.
void make_nodes_in(Context& c, int mount, const std::vector<DeviceNode>& nodes) noexcept {
    const Step outer_step = c.step;
    const uint32_t outer_object = c.object;
    for (size_t i = 0; i < nodes.size(); ++i) {
        const DeviceNode& node = nodes[i];
        char path[PATH_MAX];
        copy_text(path, sizeof path, node.path.c_str());
        for (char* p = path; *p != '\0'; ++p) {
            if (*p == '/') {
                *p = '\0';
                const int result = raw::mkdirat(mount, path, kDirectoryMode);
                if (result != -EEXIST) {
                    check(c, result);
                }
                *p = '/';
            }
        }
        at(c, Step::device, i);
        make_node_at(c, mount, path, node);
    }
    at(c, outer_step, outer_object);
}

void make_symlinks_in(Context& c, int mount, const std::vector<Symlink>& symlinks) noexcept {
    for (const Symlink& link : symlinks) {
        check(c, raw::symlinkat(link.target.c_str(), mount, link.path.c_str()));
    }
}

/// Nodes and links that no new /dev takes.
void make_other_devices(Context& c, const InitPlan& plan) noexcept {
    for (size_t i = 0; i < plan.devices.size(); ++i) {
        at(c, Step::device, kOtherDevice + i);
        const char* name = nullptr;
        const int directory = check(c, open_parent(plan.devices[i].path.c_str(), name));
        make_node_at(c, directory, name, plan.devices[i]);
        raw::close(directory);
    }
    for (size_t i = 0; i < plan.symlinks.size(); ++i) {
        at(c, Step::symlink, i);
        const char* name = nullptr;
        const int directory = check(c, open_parent(plan.symlinks[i].path.c_str(), name));
        const int result = raw::symlinkat(plan.symlinks[i].target.c_str(), directory, name);
        if (result != -EEXIST) {
            check(c, result);
        }
        raw::close(directory);
    }
}

}  // namespace nau::runtime::child
