#include "runtime/describe.h"

#include <fmt/core.h>

#include "runtime/handshake.h"
#include "runtime/sync.h"

namespace nau::runtime {

namespace {

std::string describe_mount(const InitPlan& plan, uint32_t object) {
    if (object >= plan.mounts.size()) {
        return "mount a procfs";
    }
    const MountStep& step = plan.mounts[object];
    if (step.kind == MountKind::remount) {
        return fmt::format("{}: change the mount on /{}", step.member, step.target);
    }
    if (step.kind == MountKind::bind) {
        return fmt::format(
            "{}: bind {} to /{}", step.member, plan.sources[*step.source].path, step.target);
    }
    return fmt::format("{}: mount {} on /{}", step.member, step.fs_type, step.target);
}

template <typename List>
std::string path_at(const List& list, uint32_t object) {
    return object < list.size() ? "/" + list[object] : "?";
}

std::string describe_device(const InitPlan& plan, uint32_t object) {
    if (object >= kOtherDevice) {
        const uint32_t index = object - kOtherDevice;
        return index < plan.devices.size()
                   ? fmt::format("make the device /{}", plan.devices[index].path)
                   : "make a device";
    }
    for (const MountStep& step : plan.mounts) {
        if (object < step.devices.size()) {
            return fmt::format("make the device /{}/{}", step.target, step.devices[object].path);
        }
    }
    return "make a device";
}

std::string describe_hook(const InitPlan& plan, uint32_t object) {
    const auto& hooks =
        object >= kStartHook ? plan.start_container_hooks : plan.create_container_hooks;
    const uint32_t index = object >= kStartHook ? object - kStartHook : object;
    return index < hooks.size() ? fmt::format("{}: {}", hooks[index].member, hooks[index].path)
                                : "wait for the runtime's hooks";
}

}  // namespace

std::string describe_step(const InitPlan& plan, Step step, uint32_t object) {
    switch (step) {
        case Step::join_namespace:
            return object < plan.namespaces.size() ? fmt::format("{}: join {}",
                                                                 plan.namespaces[object].member,
                                                                 plan.namespaces[object].path)
                                                   : "make a cgroup namespace";
        case Step::id_maps:
            return "become root of the user namespace";
        case Step::mount_propagation:
            return "set the propagation of the root";
        case Step::attach_rootfs:
            return "attach the root file system";
        case Step::pivot_root:
            return "enter the root file system";
        case Step::mount_target:
            return object < plan.mounts.size() ? fmt::format("{}: open the mount point /{}",
                                                             plan.mounts[object].member,
                                                             plan.mounts[object].target)
                                               : "open a mount point";
        case Step::mount:
        case Step::mount_options:
            return describe_mount(plan, object);
        case Step::device:
            return describe_device(plan, object);
        case Step::symlink:
            return object < plan.symlinks.size()
                       ? fmt::format("make the link /{}", plan.symlinks[object].path)
                       : "make a link";
        case Step::masked_path:
            return fmt::format("mask {}", path_at(plan.masked_paths, object));
        case Step::readonly_path:
            return fmt::format("make {} read-only", path_at(plan.readonly_paths, object));
        case Step::hooks:
            return describe_hook(plan, object);
        case Step::readonly_root:
            return "make the root read-only";
        case Step::sysctl:
            return fmt::format("set the kernel parameter {}",
                               object < plan.sysctls.size() ? plan.sysctls[object].name : "?");
        case Step::loopback:
            return "bring up the loopback device";
        case Step::hostname:
            return object == 0 ? fmt::format("set the host name {}", plan.hostname)
                               : fmt::format("set the domain name {}", plan.domainname);
        default:
            return describe_process_step(plan.process, step, object);
    }
}

}  // namespace nau::runtime
