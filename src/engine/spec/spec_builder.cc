#include "engine/spec/spec_builder.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "engine/spec/spec_parts.h"
#include "runtime/seccomp.h"

namespace nau::engine {

namespace {

using sys::CapabilitySet;

// podman's set: docker's without AUDIT_WRITE, MKNOD and NET_RAW.
constexpr std::array<std::string_view, 11> kDefaultCapabilities = {"CAP_CHOWN",
                                                                   "CAP_DAC_OVERRIDE",
                                                                   "CAP_FOWNER",
                                                                   "CAP_FSETID",
                                                                   "CAP_KILL",
                                                                   "CAP_NET_BIND_SERVICE",
                                                                   "CAP_SETFCAP",
                                                                   "CAP_SETGID",
                                                                   "CAP_SETPCAP",
                                                                   "CAP_SETUID",
                                                                   "CAP_SYS_CHROOT"};

// What tells too much about the host or lets root change it, although procfs and sysfs are not
// namespaced there.
constexpr std::array kMaskedPaths = {"/proc/acpi",
                                     "/proc/asound",
                                     "/proc/interrupts",
                                     "/proc/kcore",
                                     "/proc/keys",
                                     "/proc/latency_stats",
                                     "/proc/sched_debug",
                                     "/proc/scsi",
                                     "/proc/timer_list",
                                     "/proc/timer_stats",
                                     "/sys/devices/virtual/powercap",
                                     "/sys/firmware",
                                     "/sys/fs/selinux"};
constexpr std::array kReadOnlyPaths = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

unsigned capability_number(std::string_view name) {
    if (const auto number = sys::parse_capability(name)) {
        return *number;
    }
    throw Error(ErrorKind::invalid, "unknown capability '{}'", name)
        .with_hint("names are as in capabilities(7), with or without CAP_, or 'all'");
}

/// A namespace of its own, unless the host's is wanted. One that is joined gets its path at start,
/// when the other container's process is known.
void add_namespace(oci::spec::Linux& linux_spec, const char* type, std::string_view mode) {
    if (is_host_mode(mode)) {
        return;
    }
    const std::string path = mode.starts_with("ns:") ? std::string(mode.substr(3)) : std::string();
    linux_spec.namespaces.push_back({.type = type, .path = path});
}

std::vector<oci::spec::Namespace> build_namespaces(const SpecInputs& inputs) {
    const CreateOptions& options = inputs.options;
    oci::spec::Linux linux_spec;
    if (!inputs.user_namespace.is_host()) {
        linux_spec.namespaces.push_back({.type = "user", .path = inputs.user_namespace.path});
    }
    linux_spec.namespaces.push_back({.type = "mount", .path = ""});
    add_namespace(linux_spec, "pid", options.pid_mode);
    add_namespace(linux_spec, "ipc", options.ipc_mode);
    add_namespace(
        linux_spec,
        "uts",
        is_host_mode(options.network.mode) && options.uts_mode.empty() && !options.network.hostname
            ? "host"
            : std::string_view(options.uts_mode));
    add_namespace(linux_spec, "network", options.network.mode);
    add_namespace(linux_spec, "cgroup", options.cgroupns_mode);
    return linux_spec.namespaces;
}

// --- process

std::string effective_host_name(const SpecInputs& inputs) {
    const auto& network = inputs.options.network;
    if (network.hostname) {
        return *network.hostname;
    }
    if (is_host_mode(network.mode) || is_host_mode(inputs.options.uts_mode)) {
        return inputs.host_name_of_host;
    }
    return inputs.id.substr(0, 12);
}

std::string working_directory(const SpecInputs& inputs) {
    std::string directory = inputs.options.process.workdir.empty() ? inputs.defaults.working_dir
                                                                   : inputs.options.process.workdir;
    if (directory.empty()) {
        return "/";
    }
    return directory.front() == '/' ? directory : "/" + directory;
}

oci::spec::Process build_process(const SpecInputs& inputs, CapabilitySet bounding) {
    const ProcessOptions& options = inputs.options.process;
    oci::spec::Process process;
    process.terminal = options.has_terminal;
    process.user.uid = inputs.user.uid;
    process.user.gid = inputs.user.gid;
    process.user.umask = options.umask.value_or(0022);
    process.user.additional_gids = inputs.user.additional_gids;
    for (const uint32_t gid : inputs.further_gids) {
        auto& gids = process.user.additional_gids;
        if (std::find(gids.begin(), gids.end(), gid) == gids.end()) {
            gids.push_back(gid);
        }
    }
    process.args = combine_command(options, inputs.defaults);
    if (inputs.options.has_init && !inputs.options.init_path.empty()) {
        process.args.insert(process.args.begin(), {kInitDestination, "--"});
    }
    process.env = combine_environment(
        options, inputs.defaults.env, effective_host_name(inputs), inputs.user.home);
    process.cwd = working_directory(inputs);
    process.capabilities = capabilities_of_process(bounding, inputs.user.uid == 0);
    for (const auto& limit : inputs.options.resources.ulimits) {
        process.rlimits.push_back({.type = limit.type, .soft = limit.soft, .hard = limit.hard});
    }
    process.no_new_privileges = inputs.options.security.no_new_privileges;
    process.apparmor_profile = inputs.options.security.apparmor_profile;
    process.oom_score_adj = inputs.options.resources.oom_score_adj;
    return process;
}

// --- confinement

std::vector<std::string> masked_paths(const SecurityOptions& security) {
    std::vector<std::string> paths(kMaskedPaths.begin(), kMaskedPaths.end());
    paths.insert(paths.end(), security.masked_paths.begin(), security.masked_paths.end());
    return paths;
}

void remove_unmasked(const SecurityOptions& security, std::vector<std::string>& paths) {
    for (const auto& unmasked : security.unmasked_paths) {
        if (unmasked == "ALL") {
            paths.clear();
        }
        std::erase(paths, unmasked);
    }
}

void build_confinement(const SpecInputs& inputs, oci::RuntimeSpec& spec) {
    const SecurityOptions& security = inputs.options.security;
    auto& linux_spec = spec.linux_;
    if (!security.is_privileged) {
        linux_spec.masked_paths = masked_paths(security);
        linux_spec.readonly_paths.assign(kReadOnlyPaths.begin(), kReadOnlyPaths.end());
        remove_unmasked(security, linux_spec.masked_paths);
        remove_unmasked(security, linux_spec.readonly_paths);
    }
    if (security.seccomp_profile && *security.seccomp_profile != "unconfined") {
        linux_spec.seccomp = inputs.custom_seccomp;
    } else if (!security.seccomp_profile && !security.is_privileged) {
        // The runtime has the default profile compiled in.
        spec.annotations[runtime::kSeccompAnnotation] = runtime::kSeccompDefault;
    }
}

std::map<std::string, std::string> build_sysctls(const CreateOptions& options) {
    std::map<std::string, std::string> sysctls = options.sysctls;
    if (!is_host_mode(options.network.mode) && !joins_another(options.network.mode)) {
        // ping without CAP_NET_RAW, for root at least, as podman does.
        sysctls.emplace("net.ipv4.ping_group_range", "0 0");
    }
    return sysctls;
}

}  // namespace

std::vector<std::string> combine_command(const ProcessOptions& process,
                                         const oci::ContainerDefaults& defaults) {
    std::vector<std::string> args;
    if (process.entrypoint) {
        args = *process.entrypoint;
        args.insert(args.end(), process.command.begin(), process.command.end());
    } else {
        args = defaults.entrypoint;
        const auto& command = process.command.empty() ? defaults.cmd : process.command;
        args.insert(args.end(), command.begin(), command.end());
    }
    if (args.empty()) {
        throw Error(ErrorKind::invalid, "no command given, and the image has none")
            .with_hint("name the program to run behind the image");
    }
    if (args.front().empty()) {
        throw Error(ErrorKind::invalid, "the command to run is an empty word");
    }
    return args;
}

bool runs_systemd(const CreateOptions& options, const oci::ContainerDefaults& defaults) {
    if (options.systemd != "true") {
        return options.systemd == "always";
    }
    const std::string command = combine_command(options.process, defaults).front();
    for (const std::string_view init : {"/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"}) {
        if (command == init) {
            return true;
        }
    }
    return command.substr(command.rfind('/') + 1) == "systemd";
}

CapabilitySet combine_capabilities(const SecurityOptions& security, CapabilitySet available) {
    CapabilitySet set;
    if (security.is_privileged) {
        set = available;
    } else {
        for (const auto name : kDefaultCapabilities) {
            set.add(capability_number(name));
        }
        set = set & available;
    }
    for (const auto& name : security.cap_drop) {
        if (to_lower(name) == "all") {
            set = CapabilitySet();
        }
    }
    for (const auto& name : security.cap_add) {
        if (to_lower(name) == "all") {
            set = available;
        } else {
            set.add(capability_number(name));
        }
    }
    for (const auto& name : security.cap_drop) {
        if (to_lower(name) != "all") {
            set.remove(capability_number(name));
        }
    }
    return set;
}

oci::spec::Capabilities capabilities_of_process(CapabilitySet bounding, bool is_root) {
    oci::spec::Capabilities capabilities;
    capabilities.bounding = bounding.names();
    if (is_root) {
        capabilities.effective = capabilities.bounding;
        capabilities.permitted = capabilities.bounding;
    }
    return capabilities;
}

oci::RuntimeSpec build_runtime_spec(const SpecInputs& inputs) {
    const CreateOptions& options = inputs.options;
    const CapabilitySet bounding =
        combine_capabilities(options.security, inputs.available_capabilities);
    oci::RuntimeSpec spec;
    spec.process = build_process(inputs, bounding);
    spec.root = oci::spec::Root{.path = "rootfs", .readonly = options.is_read_only};
    spec.mounts = build_mounts(inputs);
    spec.annotations = options.annotations;
    auto& linux_spec = spec.linux_;
    linux_spec.namespaces = build_namespaces(inputs);
    linux_spec.uid_mappings = inputs.user_namespace.uids;
    linux_spec.gid_mappings = inputs.user_namespace.gids;
    const bool has_own_uts = std::any_of(linux_spec.namespaces.begin(),
                                         linux_spec.namespaces.end(),
                                         [](const auto& ns) { return ns.type == "uts"; });
    if (has_own_uts && !joins_another(options.uts_mode)) {
        spec.hostname = effective_host_name(inputs);
        spec.domainname = options.network.domainname;
    }
    linux_spec.sysctl = build_sysctls(options);
    linux_spec.resources = build_resources(inputs);
    const std::string& parent = options.resources.cgroup_parent;
    linux_spec.cgroups_path = fmt::format("{}/{}", parent.empty() ? "/nau" : parent, inputs.id);
    for (const auto& device : inputs.devices) {
        linux_spec.devices.push_back(device.node);
    }
    if (!options.personality.empty()) {
        linux_spec.personality = oci::spec::Personality{.domain = options.personality, .flags = {}};
    }
    if (!options.resources.rdt_class.empty()) {
        linux_spec.intel_rdt.emplace().clos_id = options.resources.rdt_class;
    }
    linux_spec.rootfs_propagation = root_propagation(inputs);
    build_confinement(inputs, spec);
    return spec;
}

}  // namespace nau::engine
