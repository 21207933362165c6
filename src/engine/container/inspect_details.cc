#include "engine/container/inspect_details.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace nau::engine {

namespace {

using json::Value;

/// Members of `more` that `target` has not.
void add_missing(Value& target, const Value& more) {
    for (const auto& [key, value] : more.items()) {
        if (!target.contains(key)) {
            target[key] = value;
        }
    }
}

/// "source:destination[:options]", as -v was said.
Value binds_of(const ContainerConfig& config) {
    Value binds = Value::array();
    for (const auto& mount : config.mounts) {
        if (mount.type != "bind" && mount.type != "volume") {
            continue;
        }
        std::vector<std::string> options = mount.options;
        options.insert(options.begin(), mount.is_read_only ? "ro" : "rw");
        options.push_back(mount.propagation.empty() ? "rprivate" : mount.propagation);
        if (mount.is_recursive) {
            options.emplace_back("rbind");
        }
        binds.push_back(fmt::format("{}:{}:{}",
                                    mount.volume.empty() ? mount.source : mount.volume,
                                    mount.destination,
                                    fmt::join(options, ",")));
    }
    return binds;
}

Value tmpfs_of(const ContainerConfig& config) {
    Value all = Value::object();
    for (const auto& mount : config.mounts) {
        if (mount.type == "tmpfs") {
            all[mount.destination] = fmt::format("{}", fmt::join(mount.options, ","));
        }
    }
    return all;
}

Value ulimits_of(const Value& process) {
    Value limits = Value::array();
    for (const auto& limit : process.value("rlimits", Value::array())) {
        limits.push_back({{"Name", limit.value("type", "")},
                          {"Soft", limit.value("soft", uint64_t{0})},
                          {"Hard", limit.value("hard", uint64_t{0})}});
    }
    return limits;
}

Value devices_of(const Value& linux_spec) {
    Value devices = Value::array();
    for (const auto& device : linux_spec.value("devices", Value::array())) {
        devices.push_back({{"PathOnHost", ""},
                           {"PathInContainer", device.value("path", "")},
                           {"CgroupPermissions", ""}});
    }
    return devices;
}

Value extra_hosts(const ContainerConfig& config) {
    Value hosts = Value::array();
    for (const auto& [name, address] : config.add_hosts) {
        hosts.push_back(fmt::format("{}:{}", name, address));
    }
    return hosts;
}

uint64_t shm_size(const Value& spec) {
    constexpr std::string_view kPrefix = "size=";
    for (const auto& mount : spec.value("mounts", Value::array())) {
        if (mount.value("destination", "") != "/dev/shm") {
            continue;
        }
        for (const auto& option : mount.value("options", Value::array())) {
            const auto text = option.get<std::string>();
            if (text.starts_with(kPrefix)) {
                return std::strtoull(text.c_str() + kPrefix.size(), nullptr, 10);
            }
        }
    }
    return 0;
}

Value secrets_of(const ContainerConfig& config) {
    Value secrets = Value::array();
    for (const auto& secret : config.secrets) {
        secrets.push_back({{"Name", secret.secret},
                           {"UID", secret.uid},
                           {"GID", secret.gid},
                           {"Mode", secret.mode}});
    }
    return secrets;
}

/// podman's texts: INSIDE:OUTSIDE:COUNT.
Value id_mappings_of(const Value& linux_spec) {
    const auto texts = [&](const char* member) {
        Value list = Value::array();
        for (const auto& range : linux_spec.value(member, Value::array())) {
            list.push_back(fmt::format("{}:{}:{}",
                                       range.value("containerID", uint32_t{0}),
                                       range.value("hostID", uint32_t{0}),
                                       range.value("size", uint32_t{0})));
        }
        return list;
    };
    if (!linux_spec.contains("uidMappings")) {
        return nullptr;
    }
    return {{"UidMap", texts("uidMappings")}, {"GidMap", texts("gidMappings")}};
}

}  // namespace

void add_inspect_details(const storage::Container& record,
                         const storage::ContainerState& state,
                         const ContainerConfig& config,
                         const Value& spec,
                         Value& out) {
    const Value empty = Value::object();
    const auto process = spec.value("process", empty);
    const auto linux_spec = spec.value("linux", empty);
    const auto capabilities = process.value("capabilities", empty);
    add_missing(out,
                {{"OCIRuntime", "nau"},
                 {"Platform", "linux"},
                 {"Rootfs", config.rootfs},
                 {"Pod", ""},
                 {"IsInfra", false},
                 {"IsService", false},
                 {"ExecIDs", Value::array()},
                 {"MountLabel", linux_spec.value("mountLabel", "")},
                 {"ProcessLabel", process.value("selinuxLabel", "")},
                 {"AppArmorProfile", process.value("apparmorProfile", "")},
                 {"BoundingCaps", capabilities.value("bounding", Value::array())},
                 {"EffectiveCaps", capabilities.value("effective", Value::array())},
                 {"Dependencies", config.required_containers},
                 {"PidFile", config.pid_file},
                 {"ConmonPidFile", config.monitor_pid_file},
                 {"GraphDriver", {{"Name", out.value("Driver", "")}, {"Data", Value::object()}}}});
    add_missing(out["State"],
                {{"OciVersion", spec.value("ociVersion", "")},
                 {"ConmonPid", state.monitor.pid},
                 {"CgroupPath", linux_spec.value("cgroupsPath", "")},
                 {"Checkpointed", false}});
    add_missing(out["Config"],
                {{"AttachStdin", config.keeps_stdin},
                 {"AttachStdout", true},
                 {"AttachStderr", true},
                 {"StdinOnce", false},
                 {"Domainname", spec.value("domainname", "")},
                 {"Annotations", spec.value("annotations", empty)},
                 {"CreateCommand", Value::array()},
                 {"Umask", fmt::format("{:04o}", process.value("user", empty).value("umask", 18U))},
                 {"Timeout", config.timeout_seconds},
                 {"Secrets", secrets_of(config)},
                 {"Volumes", nullptr}});
    const auto resources = linux_spec.value("resources", empty);
    const auto block_io = resources.value("blockIO", empty);
    const std::string cgroup = linux_spec.value("cgroupsPath", "");
    auto& host = out["HostConfig"];
    host["CgroupParent"] = cgroup.substr(0, cgroup.rfind('/'));
    add_missing(
        host,
        {{"Binds", binds_of(config)},
         {"Tmpfs", tmpfs_of(config)},
         {"Ulimits", ulimits_of(process)},
         {"Devices", devices_of(linux_spec)},
         {"ShmSize", shm_size(spec)},
         {"ExtraHosts", extra_hosts(config)},
         {"Dns", config.dns_servers},
         {"DnsSearch", config.dns_search},
         {"DnsOptions", config.dns_options},
         {"GroupAdd", Value::array()},
         {"UsernsMode", config.userns_mode},
         {"IDMappings", id_mappings_of(linux_spec)},
         {"CgroupMode", config.cgroupns_mode.empty() ? "private" : config.cgroupns_mode},
         {"Cgroups", "default"},
         {"Sysctls", linux_spec.value("sysctl", empty)},
         {"BlkioWeight", block_io.value("weight", 0)},
         {"MemorySwappiness", resources.value("memory", empty).value("swappiness", int64_t{-1})},
         {"OomKillDisable", resources.value("memory", empty).value("disableOOMKiller", false)},
         {"VolumeDriver", ""},
         {"VolumesFrom", nullptr},
         {"Links", nullptr},
         {"Runtime", "nau"},
         {"Isolation", ""},
         {"PortBindings", empty},
         {"PublishAllPorts", false}});
    for (size_t i = 0; i < config.mounts.size() && i < out["Mounts"].size(); ++i) {
        const auto& mount = config.mounts[i];
        add_missing(out["Mounts"][i],
                    {{"Driver", mount.volume.empty() ? "" : "local"},
                     {"Mode", ""},
                     {"Propagation", mount.propagation.empty() ? "rprivate" : mount.propagation}});
    }
    if (!record.image_name.empty()) {
        add_missing(out, {{"ImageReference", record.image_name}});
    }
}

}  // namespace nau::engine
