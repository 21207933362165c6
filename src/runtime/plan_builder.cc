#include "runtime/plan_builder.h"

#include <algorithm>
#include <sched.h>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "base/parse.h"
#include "runtime/device_plan.h"
#include "runtime/hooks.h"
#include "runtime/mount_options.h"
#include "runtime/mount_plan.h"
#include "runtime/namespace_plan.h"
#include "runtime/process_plan.h"
#include "runtime/spec_error.h"
#include "runtime/sysctl.h"

namespace nau::runtime {

namespace {

using oci::RuntimeSpec;

// --- the rest of the file system

void plan_root(const RuntimeSpec& spec, InitPlan& plan) {
    plan.readonly_root = spec.root && spec.root->readonly;
    if (!spec.linux_.rootfs_propagation.empty()) {
        const MountOptions options = parse_mount_options({spec.linux_.rootfs_propagation});
        if (options.propagation == 0) {
            fail("linux: rootfsPropagation",
                 fmt::format("'{}' is no kind of propagation", spec.linux_.rootfs_propagation));
        }
        plan.root_propagation = options.propagation;
        plan.root_propagation_all = options.propagation_all;
    }
}

std::vector<std::string> container_paths(const std::vector<std::string>& paths,
                                         const char* member) {
    std::vector<std::string> cleaned;
    cleaned.reserve(paths.size());
    for (size_t i = 0; i < paths.size(); ++i) {
        if (paths[i].empty() || paths[i].front() != '/') {
            fail(fmt::format("linux: {}[{}]", member, i),
                 fmt::format("'{}' is not absolute", paths[i]));
        }
        cleaned.push_back(clean_container_path(paths[i]));
        if (cleaned.back().empty()) {
            fail(fmt::format("linux: {}[{}]", member, i), "is the root itself");
        }
    }
    return cleaned;
}

void plan_names(const RuntimeSpec& spec, const OwnNamespaces& own, InitPlan& plan) {
    constexpr size_t kMaxName = 64;  // __NEW_UTS_LEN
    const auto check = [&](const std::string& name, const char* member) {
        if (name.empty()) {
            return;
        }
        if (!own.has(CLONE_NEWUTS)) {
            fail(member, "is given without a uts namespace");
        }
        if (name.size() > kMaxName) {
            fail(member, fmt::format("is longer than {} bytes", kMaxName));
        }
    };
    check(spec.hostname, "hostname");
    check(spec.domainname, "domainname");
    plan.hostname = spec.hostname;
    plan.domainname = spec.domainname;
}

/// Names of network devices as the kernel takes them (dev_valid_name); in the container one may end
/// in "%d", for which the kernel finds a number.
bool is_device_name(std::string_view name, bool may_be_template) noexcept {
    constexpr size_t kMaxName = 15;  // IFNAMSIZ - 1
    if (may_be_template && name.ends_with("%d")) {
        name.remove_suffix(2);
    }
    return !name.empty() && name.size() <= kMaxName && name != "." && name != ".." &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return c > ' ' && c != '/' && c != ':' && c != '%' && c != 0x7f;
           });
}

void plan_net_devices(const RuntimeSpec& spec, const OwnNamespaces& own, InitPlan& plan) {
    if (!spec.linux_.net_devices.empty() && !own.has(CLONE_NEWNET)) {
        fail("linux: netDevices", "needs a network namespace of the container's own");
    }
    for (const auto& [host_name, device] : spec.linux_.net_devices) {
        const std::string& name = device.name.empty() ? host_name : device.name;
        if (!is_device_name(host_name, false)) {
            fail("linux: netDevices",
                 fmt::format("'{}' is no name of a network device", host_name));
        }
        if (!is_device_name(name, true)) {
            fail(fmt::format("linux: netDevices: {}", host_name),
                 fmt::format("name: '{}' is no name of a network device", name));
        }
        if (!name.ends_with("%d") &&
            std::any_of(plan.net_devices.begin(),
                        plan.net_devices.end(),
                        [&](const NetDeviceMove& other) { return other.name == name; })) {
            fail(fmt::format("linux: netDevices: {}", host_name),
                 fmt::format("name: '{}' is given to two devices", name));
        }
        plan.net_devices.push_back({host_name, name});
    }
}

void plan_hooks(const RuntimeSpec& spec, const PlanOptions& options, InitPlan& plan) {
    const auto& hooks = spec.hooks;
    plan.create_container_hooks = plan_hook_steps(hooks.create_container, "createContainer");
    plan.start_container_hooks = plan_hook_steps(hooks.start_container, "startContainer");
    // The others are run by the parent; here they are only checked, before anything is made.
    plan_hook_steps(hooks.prestart, "prestart");
    plan_hook_steps(hooks.create_runtime, "createRuntime");
    plan_hook_steps(hooks.poststart, "poststart");
    plan_hook_steps(hooks.poststop, "poststop");
    plan.pivots_late =
        !hooks.prestart.empty() || !hooks.create_runtime.empty() || !hooks.create_container.empty();
    if (plan.pivots_late && spec.root && !spec.root->path.empty()) {
        const std::string& path = spec.root->path;
        plan.root_mount_point =
            path.front() == '/' ? path : fmt::format("{}/{}", options.bundle, path);
    }
}

bool writes_procfs(const InitPlan& plan) noexcept {
    return !plan.sysctls.empty() || plan.process.oom_score_adj ||
           !plan.process.apparmor_exec.empty() || !plan.process.selinux_exec.empty();
}

}  // namespace

std::string clean_container_path(std::string_view path) {
    std::vector<std::string_view> parts;
    for (const std::string_view part : split(path, '/')) {
        if (part.empty() || part == ".") {
            continue;
        }
        if (part == "..") {
            if (!parts.empty()) {
                parts.pop_back();
            }
            continue;
        }
        parts.push_back(part);
    }
    std::string clean;
    for (const std::string_view part : parts) {
        clean += clean.empty() ? "" : "/";
        clean += part;
    }
    return clean;
}

InitPlan build_init_plan(const RuntimeSpec& spec,
                         const PlanOptions& options,
                         const HostFacts& facts) {
    if (!spec.process) {
        fail("process", "is missing");
    }
    InitPlan plan;
    plan.id = options.id;
    plan.init = options.init;
    const OwnNamespaces own = plan_namespaces(spec, plan);
    plan_user_namespace(spec, own, plan);
    plan_names(spec, own, plan);
    plan_mounts(spec, options, facts, own, plan);
    plan_dev(spec, own, plan);
    plan_root(spec, plan);
    plan.masked_paths = container_paths(spec.linux_.masked_paths, "maskedPaths");
    plan.readonly_paths = container_paths(spec.linux_.readonly_paths, "readonlyPaths");
    plan.sysctls = plan_sysctls(spec.linux_.sysctl,
                                {.ipc = own.has(CLONE_NEWIPC),
                                 .network = own.has(CLONE_NEWNET),
                                 .uts = own.has(CLONE_NEWUTS),
                                 .user = own.has(CLONE_NEWUSER),
                                 .hostname_is_set = !spec.hostname.empty(),
                                 .domainname_is_set = !spec.domainname.empty()});
    plan_net_devices(spec, own, plan);
    plan_hooks(spec, options, plan);
    plan.process = build_process_plan(*spec.process, spec, facts);
    // For exec sessions alone, as its name says.
    plan.process.initial_cpu_affinity.clear();
    plan.process.cpu_affinity.clear();
    plan.filters_last =
        plan.process.no_new_privileges && !plan.init && (own.created & CLONE_NEWPID) != 0;
    plan.console_in_dev = plan.process.terminal;
    plan.keyring_name = options.id.empty() ? "" : "_ses." + options.id;
    const bool has_proc = std::any_of(
        plan.mounts.begin(), plan.mounts.end(), [](const MountStep& m) { return m.is_proc; });
    plan.needs_private_procfs = writes_procfs(plan) && !has_proc;
    return plan;
}

}  // namespace nau::runtime
