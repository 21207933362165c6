#include "oci/runtime_spec.h"

#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

// Reading is written so that each member of a structure is one line, naming the JSON member once;
// writing mirrors it. Order of members follows the specification's text.

namespace nau::oci {

using json::Field;
using Json = nlohmann::json;

namespace {

// --- reading

/// A string that goes to the kernel as a C string: an embedded NUL would cut it there.
std::string read_text(const Field& field) {
    std::string text = field.as_string();
    if (text.find('\0') != std::string::npos) {
        field.fail("contains a NUL character");
    }
    return text;
}

template <typename Integer>
Integer read_integer(const Field& field) {
    if constexpr (std::is_unsigned_v<Integer>) {
        const uint64_t value = field.as_uint64();
        if (value > std::numeric_limits<Integer>::max()) {
            field.fail(fmt::format("is larger than {}", std::numeric_limits<Integer>::max()));
        }
        return static_cast<Integer>(value);
    } else {
        const int64_t value = field.as_int64();
        if (value > std::numeric_limits<Integer>::max() ||
            value < std::numeric_limits<Integer>::min()) {
            field.fail(fmt::format("is not between {} and {}",
                                   std::numeric_limits<Integer>::min(),
                                   std::numeric_limits<Integer>::max()));
        }
        return static_cast<Integer>(value);
    }
}

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsMap : std::false_type {};
template <typename T>
struct IsMap<std::map<std::string, T>> : std::true_type {};

template <typename T>
void read_value(const Field& field, T& out);

void read_struct(const Field& field, spec::ConsoleSize& out);
void read_struct(const Field& field, spec::User& out);
void read_struct(const Field& field, spec::Capabilities& out);
void read_struct(const Field& field, spec::Rlimit& out);
void read_struct(const Field& field, spec::Scheduler& out);
void read_struct(const Field& field, spec::IoPriority& out);
void read_struct(const Field& field, spec::ExecCpuAffinity& out);
void read_struct(const Field& field, spec::Process& out);
void read_struct(const Field& field, spec::Root& out);
void read_struct(const Field& field, spec::IdMapping& out);
void read_struct(const Field& field, spec::Mount& out);
void read_struct(const Field& field, spec::Hook& out);
void read_struct(const Field& field, spec::Hooks& out);
void read_struct(const Field& field, spec::Namespace& out);
void read_struct(const Field& field, spec::Device& out);
void read_struct(const Field& field, spec::TimeOffset& out);
void read_struct(const Field& field, spec::DeviceRule& out);
void read_struct(const Field& field, spec::MemoryResources& out);
void read_struct(const Field& field, spec::CpuResources& out);
void read_struct(const Field& field, spec::WeightDevice& out);
void read_struct(const Field& field, spec::ThrottleDevice& out);
void read_struct(const Field& field, spec::BlockIoResources& out);
void read_struct(const Field& field, spec::HugepageLimit& out);
void read_struct(const Field& field, spec::InterfacePriority& out);
void read_struct(const Field& field, spec::NetworkResources& out);
void read_struct(const Field& field, spec::RdmaLimit& out);
void read_struct(const Field& field, spec::Resources& out);
void read_struct(const Field& field, spec::SeccompArg& out);
void read_struct(const Field& field, spec::SeccompSyscall& out);
void read_struct(const Field& field, spec::Seccomp& out);
void read_struct(const Field& field, spec::IntelRdt& out);
void read_struct(const Field& field, spec::Personality& out);
void read_struct(const Field& field, spec::MemoryPolicy& out);
void read_struct(const Field& field, spec::NetDevice& out);
void read_struct(const Field& field, spec::Linux& out);

template <typename T>
void read_value(const Field& field, T& out) {
    if constexpr (std::is_same_v<T, std::string>) {
        out = read_text(field);
    } else if constexpr (std::is_same_v<T, bool>) {
        out = field.as_bool();
    } else if constexpr (std::is_integral_v<T>) {
        out = read_integer<T>(field);
    } else if constexpr (IsOptional<T>::value) {
        read_value(field, out.emplace());
    } else if constexpr (IsVector<T>::value) {
        for (const Field& element : field.elements()) {
            read_value(element, out.emplace_back());
        }
    } else if constexpr (IsMap<T>::value) {
        for (const auto& [name, member] : field.members()) {
            if (name.find('\0') != std::string::npos) {
                field.fail("has a member whose name contains a NUL character");
            }
            read_value(member, out[name]);
        }
    } else {
        read_struct(field, out);
    }
}

template <typename T>
void optional_member(const Field& parent, const char* name, T& out) {
    if (const auto field = parent.find(name)) {
        read_value(*field, out);
    }
}

template <typename T>
void required_member(const Field& parent, const char* name, T& out) {
    read_value(parent.at(name), out);
}

void read_struct(const Field& field, spec::ConsoleSize& out) {
    required_member(field, "height", out.height);
    required_member(field, "width", out.width);
}

void read_struct(const Field& field, spec::User& out) {
    optional_member(field, "uid", out.uid);
    optional_member(field, "gid", out.gid);
    optional_member(field, "umask", out.umask);
    optional_member(field, "additionalGids", out.additional_gids);
}

void read_struct(const Field& field, spec::Capabilities& out) {
    optional_member(field, "bounding", out.bounding);
    optional_member(field, "effective", out.effective);
    optional_member(field, "inheritable", out.inheritable);
    optional_member(field, "permitted", out.permitted);
    optional_member(field, "ambient", out.ambient);
}

void read_struct(const Field& field, spec::Rlimit& out) {
    required_member(field, "type", out.type);
    required_member(field, "soft", out.soft);
    required_member(field, "hard", out.hard);
}

void read_struct(const Field& field, spec::Scheduler& out) {
    required_member(field, "policy", out.policy);
    optional_member(field, "nice", out.nice);
    optional_member(field, "priority", out.priority);
    optional_member(field, "flags", out.flags);
    optional_member(field, "runtime", out.runtime);
    optional_member(field, "deadline", out.deadline);
    optional_member(field, "period", out.period);
}

void read_struct(const Field& field, spec::IoPriority& out) {
    required_member(field, "class", out.class_name);
    optional_member(field, "priority", out.priority);
}

void read_struct(const Field& field, spec::ExecCpuAffinity& out) {
    optional_member(field, "initial", out.initial);
    optional_member(field, "final", out.final_);
}

void read_struct(const Field& field, spec::Process& out) {
    optional_member(field, "terminal", out.terminal);
    optional_member(field, "consoleSize", out.console_size);
    optional_member(field, "user", out.user);
    optional_member(field, "args", out.args);
    optional_member(field, "env", out.env);
    required_member(field, "cwd", out.cwd);
    optional_member(field, "capabilities", out.capabilities);
    optional_member(field, "rlimits", out.rlimits);
    optional_member(field, "noNewPrivileges", out.no_new_privileges);
    optional_member(field, "apparmorProfile", out.apparmor_profile);
    optional_member(field, "selinuxLabel", out.selinux_label);
    optional_member(field, "oomScoreAdj", out.oom_score_adj);
    optional_member(field, "scheduler", out.scheduler);
    optional_member(field, "ioPriority", out.io_priority);
    optional_member(field, "execCPUAffinity", out.exec_cpu_affinity);
}

void read_struct(const Field& field, spec::Root& out) {
    required_member(field, "path", out.path);
    optional_member(field, "readonly", out.readonly);
}

void read_struct(const Field& field, spec::IdMapping& out) {
    required_member(field, "containerID", out.container_id);
    required_member(field, "hostID", out.host_id);
    required_member(field, "size", out.size);
}

void read_struct(const Field& field, spec::Mount& out) {
    required_member(field, "destination", out.destination);
    optional_member(field, "type", out.type);
    optional_member(field, "source", out.source);
    optional_member(field, "options", out.options);
    optional_member(field, "uidMappings", out.uid_mappings);
    optional_member(field, "gidMappings", out.gid_mappings);
}

void read_struct(const Field& field, spec::Hook& out) {
    required_member(field, "path", out.path);
    optional_member(field, "args", out.args);
    optional_member(field, "env", out.env);
    optional_member(field, "timeout", out.timeout);
}

void read_struct(const Field& field, spec::Hooks& out) {
    optional_member(field, "prestart", out.prestart);
    optional_member(field, "createRuntime", out.create_runtime);
    optional_member(field, "createContainer", out.create_container);
    optional_member(field, "startContainer", out.start_container);
    optional_member(field, "poststart", out.poststart);
    optional_member(field, "poststop", out.poststop);
}

void read_struct(const Field& field, spec::Namespace& out) {
    required_member(field, "type", out.type);
    optional_member(field, "path", out.path);
}

void read_struct(const Field& field, spec::Device& out) {
    required_member(field, "type", out.type);
    required_member(field, "path", out.path);
    optional_member(field, "major", out.major);
    optional_member(field, "minor", out.minor);
    optional_member(field, "fileMode", out.file_mode);
    optional_member(field, "uid", out.uid);
    optional_member(field, "gid", out.gid);
}

void read_struct(const Field& field, spec::TimeOffset& out) {
    optional_member(field, "secs", out.secs);
    optional_member(field, "nanosecs", out.nanosecs);
}

void read_struct(const Field& field, spec::DeviceRule& out) {
    required_member(field, "allow", out.allow);
    optional_member(field, "type", out.type);
    optional_member(field, "major", out.major);
    optional_member(field, "minor", out.minor);
    optional_member(field, "access", out.access);
}

void read_struct(const Field& field, spec::MemoryResources& out) {
    optional_member(field, "limit", out.limit);
    optional_member(field, "reservation", out.reservation);
    optional_member(field, "swap", out.swap);
    optional_member(field, "kernel", out.kernel);
    optional_member(field, "kernelTCP", out.kernel_tcp);
    optional_member(field, "swappiness", out.swappiness);
    optional_member(field, "disableOOMKiller", out.disable_oom_killer);
    optional_member(field, "useHierarchy", out.use_hierarchy);
    optional_member(field, "checkBeforeUpdate", out.check_before_update);
}

void read_struct(const Field& field, spec::CpuResources& out) {
    optional_member(field, "shares", out.shares);
    optional_member(field, "quota", out.quota);
    optional_member(field, "burst", out.burst);
    optional_member(field, "period", out.period);
    optional_member(field, "realtimeRuntime", out.realtime_runtime);
    optional_member(field, "realtimePeriod", out.realtime_period);
    optional_member(field, "cpus", out.cpus);
    optional_member(field, "mems", out.mems);
    optional_member(field, "idle", out.idle);
}

void read_struct(const Field& field, spec::WeightDevice& out) {
    required_member(field, "major", out.major);
    required_member(field, "minor", out.minor);
    optional_member(field, "weight", out.weight);
    optional_member(field, "leafWeight", out.leaf_weight);
}

void read_struct(const Field& field, spec::ThrottleDevice& out) {
    required_member(field, "major", out.major);
    required_member(field, "minor", out.minor);
    required_member(field, "rate", out.rate);
}

void read_struct(const Field& field, spec::BlockIoResources& out) {
    optional_member(field, "weight", out.weight);
    optional_member(field, "leafWeight", out.leaf_weight);
    optional_member(field, "weightDevice", out.weight_device);
    optional_member(field, "throttleReadBpsDevice", out.throttle_read_bps_device);
    optional_member(field, "throttleWriteBpsDevice", out.throttle_write_bps_device);
    optional_member(field, "throttleReadIOPSDevice", out.throttle_read_iops_device);
    optional_member(field, "throttleWriteIOPSDevice", out.throttle_write_iops_device);
}

void read_struct(const Field& field, spec::HugepageLimit& out) {
    required_member(field, "pageSize", out.page_size);
    required_member(field, "limit", out.limit);
}

void read_struct(const Field& field, spec::InterfacePriority& out) {
    required_member(field, "name", out.name);
    required_member(field, "priority", out.priority);
}

void read_struct(const Field& field, spec::NetworkResources& out) {
    optional_member(field, "classID", out.class_id);
    optional_member(field, "priorities", out.priorities);
}

void read_struct(const Field& field, spec::RdmaLimit& out) {
    optional_member(field, "hcaHandles", out.hca_handles);
    optional_member(field, "hcaObjects", out.hca_objects);
}

void read_struct(const Field& field, spec::Resources& out) {
    optional_member(field, "devices", out.devices);
    optional_member(field, "memory", out.memory);
    optional_member(field, "cpu", out.cpu);
    if (const auto pids = field.find("pids")) {
        // Since runtime-spec 1.3 an absent limit is allowed and means "leave it".
        optional_member(*pids, "limit", out.pids_limit);
    }
    optional_member(field, "blockIO", out.block_io);
    optional_member(field, "hugepageLimits", out.hugepage_limits);
    optional_member(field, "network", out.network);
    optional_member(field, "rdma", out.rdma);
    optional_member(field, "unified", out.unified);
}

void read_struct(const Field& field, spec::SeccompArg& out) {
    required_member(field, "index", out.index);
    required_member(field, "value", out.value);
    optional_member(field, "valueTwo", out.value_two);
    required_member(field, "op", out.op);
}

void read_struct(const Field& field, spec::SeccompSyscall& out) {
    required_member(field, "names", out.names);
    required_member(field, "action", out.action);
    optional_member(field, "errnoRet", out.errno_ret);
    optional_member(field, "args", out.args);
}

void read_struct(const Field& field, spec::Seccomp& out) {
    required_member(field, "defaultAction", out.default_action);
    optional_member(field, "defaultErrnoRet", out.default_errno_ret);
    optional_member(field, "architectures", out.architectures);
    optional_member(field, "flags", out.flags);
    optional_member(field, "listenerPath", out.listener_path);
    optional_member(field, "listenerMetadata", out.listener_metadata);
    optional_member(field, "syscalls", out.syscalls);
}

void read_struct(const Field& field, spec::IntelRdt& out) {
    optional_member(field, "closID", out.clos_id);
    optional_member(field, "schemata", out.schemata);
    optional_member(field, "l3CacheSchema", out.l3_cache_schema);
    optional_member(field, "memBwSchema", out.mem_bw_schema);
    optional_member(field, "enableCMT", out.enable_cmt);
    optional_member(field, "enableMBM", out.enable_mbm);
    optional_member(field, "enableMonitoring", out.enable_monitoring);
}

void read_struct(const Field& field, spec::Personality& out) {
    required_member(field, "domain", out.domain);
    optional_member(field, "flags", out.flags);
}

void read_struct(const Field& field, spec::MemoryPolicy& out) {
    required_member(field, "mode", out.mode);
    optional_member(field, "nodes", out.nodes);
    optional_member(field, "flags", out.flags);
}

void read_struct(const Field& field, spec::NetDevice& out) {
    optional_member(field, "name", out.name);
}

void read_struct(const Field& field, spec::Linux& out) {
    optional_member(field, "uidMappings", out.uid_mappings);
    optional_member(field, "gidMappings", out.gid_mappings);
    optional_member(field, "sysctl", out.sysctl);
    optional_member(field, "resources", out.resources);
    optional_member(field, "cgroupsPath", out.cgroups_path);
    optional_member(field, "namespaces", out.namespaces);
    optional_member(field, "devices", out.devices);
    optional_member(field, "netDevices", out.net_devices);
    optional_member(field, "seccomp", out.seccomp);
    optional_member(field, "rootfsPropagation", out.rootfs_propagation);
    optional_member(field, "maskedPaths", out.masked_paths);
    optional_member(field, "readonlyPaths", out.readonly_paths);
    optional_member(field, "mountLabel", out.mount_label);
    optional_member(field, "intelRdt", out.intel_rdt);
    optional_member(field, "memoryPolicy", out.memory_policy);
    optional_member(field, "personality", out.personality);
    optional_member(field, "timeOffsets", out.time_offsets);
}

// --- writing

template <typename T>
Json write_value(const T& value);

class Writer {
  public:
    /// Always written, also when it is the default.
    template <typename T>
    Writer& put(const char* name, const T& value) {
        object_[name] = write_value(value);
        return *this;
    }
    /// Left out when it is nullopt, empty, or false.
    template <typename T>
    Writer& put_if(const char* name, const T& value) {
        if constexpr (IsOptional<T>::value) {
            return value ? put(name, *value) : *this;
        } else if constexpr (std::is_same_v<T, bool>) {
            return value ? put(name, value) : *this;
        } else if constexpr (std::is_integral_v<T>) {
            return value != 0 ? put(name, value) : *this;
        } else {
            return value.empty() ? *this : put(name, value);
        }
    }
    Json take() { return std::move(object_); }

  private:
    Json object_ = Json::object();
};

Json write_struct(const spec::ConsoleSize& in) {
    return Writer().put("height", in.height).put("width", in.width).take();
}

Json write_struct(const spec::User& in) {
    return Writer()
        .put("uid", in.uid)
        .put("gid", in.gid)
        .put_if("umask", in.umask)
        .put_if("additionalGids", in.additional_gids)
        .take();
}

Json write_struct(const spec::Capabilities& in) {
    return Writer()
        .put_if("bounding", in.bounding)
        .put_if("effective", in.effective)
        .put_if("inheritable", in.inheritable)
        .put_if("permitted", in.permitted)
        .put_if("ambient", in.ambient)
        .take();
}

Json write_struct(const spec::Rlimit& in) {
    return Writer().put("type", in.type).put("soft", in.soft).put("hard", in.hard).take();
}

Json write_struct(const spec::Scheduler& in) {
    return Writer()
        .put("policy", in.policy)
        .put_if("nice", in.nice)
        .put_if("priority", in.priority)
        .put_if("flags", in.flags)
        .put_if("runtime", in.runtime)
        .put_if("deadline", in.deadline)
        .put_if("period", in.period)
        .take();
}

Json write_struct(const spec::IoPriority& in) {
    return Writer().put("class", in.class_name).put("priority", in.priority).take();
}

Json write_struct(const spec::ExecCpuAffinity& in) {
    return Writer().put_if("initial", in.initial).put_if("final", in.final_).take();
}

Json write_struct(const spec::Process& in) {
    return Writer()
        .put_if("terminal", in.terminal)
        .put_if("consoleSize", in.console_size)
        .put("user", in.user)
        .put_if("args", in.args)
        .put_if("env", in.env)
        .put("cwd", in.cwd)
        .put_if("capabilities", in.capabilities)
        .put_if("rlimits", in.rlimits)
        .put_if("noNewPrivileges", in.no_new_privileges)
        .put_if("apparmorProfile", in.apparmor_profile)
        .put_if("selinuxLabel", in.selinux_label)
        .put_if("oomScoreAdj", in.oom_score_adj)
        .put_if("scheduler", in.scheduler)
        .put_if("ioPriority", in.io_priority)
        .put_if("execCPUAffinity", in.exec_cpu_affinity)
        .take();
}

Json write_struct(const spec::Root& in) {
    return Writer().put("path", in.path).put_if("readonly", in.readonly).take();
}

Json write_struct(const spec::IdMapping& in) {
    return Writer()
        .put("containerID", in.container_id)
        .put("hostID", in.host_id)
        .put("size", in.size)
        .take();
}

Json write_struct(const spec::Mount& in) {
    return Writer()
        .put("destination", in.destination)
        .put_if("type", in.type)
        .put_if("source", in.source)
        .put_if("options", in.options)
        .put_if("uidMappings", in.uid_mappings)
        .put_if("gidMappings", in.gid_mappings)
        .take();
}

Json write_struct(const spec::Hook& in) {
    return Writer()
        .put("path", in.path)
        .put_if("args", in.args)
        .put_if("env", in.env)
        .put_if("timeout", in.timeout)
        .take();
}

Json write_struct(const spec::Hooks& in) {
    return Writer()
        .put_if("prestart", in.prestart)
        .put_if("createRuntime", in.create_runtime)
        .put_if("createContainer", in.create_container)
        .put_if("startContainer", in.start_container)
        .put_if("poststart", in.poststart)
        .put_if("poststop", in.poststop)
        .take();
}

Json write_struct(const spec::Namespace& in) {
    return Writer().put("type", in.type).put_if("path", in.path).take();
}

Json write_struct(const spec::Device& in) {
    return Writer()
        .put("type", in.type)
        .put("path", in.path)
        .put("major", in.major)
        .put("minor", in.minor)
        .put_if("fileMode", in.file_mode)
        .put_if("uid", in.uid)
        .put_if("gid", in.gid)
        .take();
}

Json write_struct(const spec::TimeOffset& in) {
    return Writer().put_if("secs", in.secs).put_if("nanosecs", in.nanosecs).take();
}

Json write_struct(const spec::DeviceRule& in) {
    return Writer()
        .put("allow", in.allow)
        .put_if("type", in.type)
        .put_if("major", in.major)
        .put_if("minor", in.minor)
        .put_if("access", in.access)
        .take();
}

Json write_struct(const spec::MemoryResources& in) {
    return Writer()
        .put_if("limit", in.limit)
        .put_if("reservation", in.reservation)
        .put_if("swap", in.swap)
        .put_if("kernel", in.kernel)
        .put_if("kernelTCP", in.kernel_tcp)
        .put_if("swappiness", in.swappiness)
        .put_if("disableOOMKiller", in.disable_oom_killer)
        .put_if("useHierarchy", in.use_hierarchy)
        .put_if("checkBeforeUpdate", in.check_before_update)
        .take();
}

Json write_struct(const spec::CpuResources& in) {
    return Writer()
        .put_if("shares", in.shares)
        .put_if("quota", in.quota)
        .put_if("burst", in.burst)
        .put_if("period", in.period)
        .put_if("realtimeRuntime", in.realtime_runtime)
        .put_if("realtimePeriod", in.realtime_period)
        .put_if("cpus", in.cpus)
        .put_if("mems", in.mems)
        .put_if("idle", in.idle)
        .take();
}

Json write_struct(const spec::WeightDevice& in) {
    return Writer()
        .put("major", in.major)
        .put("minor", in.minor)
        .put_if("weight", in.weight)
        .put_if("leafWeight", in.leaf_weight)
        .take();
}

Json write_struct(const spec::ThrottleDevice& in) {
    return Writer().put("major", in.major).put("minor", in.minor).put("rate", in.rate).take();
}

Json write_struct(const spec::BlockIoResources& in) {
    return Writer()
        .put_if("weight", in.weight)
        .put_if("leafWeight", in.leaf_weight)
        .put_if("weightDevice", in.weight_device)
        .put_if("throttleReadBpsDevice", in.throttle_read_bps_device)
        .put_if("throttleWriteBpsDevice", in.throttle_write_bps_device)
        .put_if("throttleReadIOPSDevice", in.throttle_read_iops_device)
        .put_if("throttleWriteIOPSDevice", in.throttle_write_iops_device)
        .take();
}

Json write_struct(const spec::HugepageLimit& in) {
    return Writer().put("pageSize", in.page_size).put("limit", in.limit).take();
}

Json write_struct(const spec::InterfacePriority& in) {
    return Writer().put("name", in.name).put("priority", in.priority).take();
}

Json write_struct(const spec::NetworkResources& in) {
    return Writer().put_if("classID", in.class_id).put_if("priorities", in.priorities).take();
}

Json write_struct(const spec::RdmaLimit& in) {
    return Writer()
        .put_if("hcaHandles", in.hca_handles)
        .put_if("hcaObjects", in.hca_objects)
        .take();
}

Json write_struct(const spec::Resources& in) {
    Json object = Writer()
                      .put_if("devices", in.devices)
                      .put_if("memory", in.memory)
                      .put_if("cpu", in.cpu)
                      .put_if("blockIO", in.block_io)
                      .put_if("hugepageLimits", in.hugepage_limits)
                      .put_if("network", in.network)
                      .put_if("rdma", in.rdma)
                      .put_if("unified", in.unified)
                      .take();
    if (in.pids_limit) {
        object["pids"] = Json{{"limit", *in.pids_limit}};
    }
    return object;
}

Json write_struct(const spec::SeccompArg& in) {
    return Writer()
        .put("index", in.index)
        .put("value", in.value)
        .put_if("valueTwo", in.value_two)
        .put("op", in.op)
        .take();
}

Json write_struct(const spec::SeccompSyscall& in) {
    return Writer()
        .put("names", in.names)
        .put("action", in.action)
        .put_if("errnoRet", in.errno_ret)
        .put_if("args", in.args)
        .take();
}

Json write_struct(const spec::Seccomp& in) {
    return Writer()
        .put("defaultAction", in.default_action)
        .put_if("defaultErrnoRet", in.default_errno_ret)
        .put_if("architectures", in.architectures)
        .put_if("flags", in.flags)
        .put_if("listenerPath", in.listener_path)
        .put_if("listenerMetadata", in.listener_metadata)
        .put_if("syscalls", in.syscalls)
        .take();
}

Json write_struct(const spec::IntelRdt& in) {
    return Writer()
        .put_if("closID", in.clos_id)
        .put_if("schemata", in.schemata)
        .put_if("l3CacheSchema", in.l3_cache_schema)
        .put_if("memBwSchema", in.mem_bw_schema)
        .put_if("enableCMT", in.enable_cmt)
        .put_if("enableMBM", in.enable_mbm)
        .put_if("enableMonitoring", in.enable_monitoring)
        .take();
}

Json write_struct(const spec::Personality& in) {
    return Writer().put("domain", in.domain).put_if("flags", in.flags).take();
}

Json write_struct(const spec::MemoryPolicy& in) {
    return Writer().put("mode", in.mode).put_if("nodes", in.nodes).put_if("flags", in.flags).take();
}

Json write_struct(const spec::NetDevice& in) {
    return Writer().put_if("name", in.name).take();
}

Json write_struct(const spec::Linux& in) {
    return Writer()
        .put_if("uidMappings", in.uid_mappings)
        .put_if("gidMappings", in.gid_mappings)
        .put_if("sysctl", in.sysctl)
        .put_if("resources", in.resources)
        .put_if("cgroupsPath", in.cgroups_path)
        .put_if("namespaces", in.namespaces)
        .put_if("devices", in.devices)
        .put_if("netDevices", in.net_devices)
        .put_if("seccomp", in.seccomp)
        .put_if("rootfsPropagation", in.rootfs_propagation)
        .put_if("maskedPaths", in.masked_paths)
        .put_if("readonlyPaths", in.readonly_paths)
        .put_if("mountLabel", in.mount_label)
        .put_if("intelRdt", in.intel_rdt)
        .put_if("memoryPolicy", in.memory_policy)
        .put_if("personality", in.personality)
        .put_if("timeOffsets", in.time_offsets)
        .take();
}

template <typename T>
Json write_value(const T& value) {
    if constexpr (std::is_same_v<T, std::string> || std::is_arithmetic_v<T>) {
        return value;
    } else if constexpr (IsVector<T>::value) {
        Json list = Json::array();
        for (const auto& element : value) {
            list.push_back(write_value(element));
        }
        return list;
    } else if constexpr (IsMap<T>::value) {
        Json object = Json::object();
        for (const auto& [name, element] : value) {
            object[name] = write_value(element);
        }
        return object;
    } else {
        return write_struct(value);
    }
}

template <typename T>
T read_root(const Json& value, std::string_view what) {
    T out;
    read_value(Field(value, what), out);
    return out;
}

}  // namespace

RuntimeSpec runtime_spec_from_json(const Json& value, std::string_view what) {
    const Field root(value, what);
    RuntimeSpec out;
    required_member(root, "ociVersion", out.oci_version);
    if (out.oci_version.rfind("1.", 0) != 0) {
        throw Error(ErrorKind::unsupported,
                    "{}: ociVersion: '{}' is not a version 1 of the runtime specification",
                    what,
                    out.oci_version);
    }
    optional_member(root, "process", out.process);
    optional_member(root, "root", out.root);
    optional_member(root, "hostname", out.hostname);
    optional_member(root, "domainname", out.domainname);
    optional_member(root, "mounts", out.mounts);
    optional_member(root, "hooks", out.hooks);
    optional_member(root, "annotations", out.annotations);
    optional_member(root, "linux", out.linux_);
    return out;
}

RuntimeSpec parse_runtime_spec(std::string_view text, std::string_view what) {
    return runtime_spec_from_json(json::parse(text, what), what);
}

Json to_json(const RuntimeSpec& in) {
    Json object = Writer()
                      .put("ociVersion", in.oci_version)
                      .put_if("process", in.process)
                      .put_if("root", in.root)
                      .put_if("hostname", in.hostname)
                      .put_if("domainname", in.domainname)
                      .put_if("mounts", in.mounts)
                      .put_if("annotations", in.annotations)
                      .put("linux", in.linux_)
                      .take();
    Json hooks = write_struct(in.hooks);
    if (!hooks.empty()) {
        object["hooks"] = std::move(hooks);
    }
    return object;
}

spec::Process process_from_json(const Json& value, std::string_view what) {
    return read_root<spec::Process>(value, what);
}
Json to_json(const spec::Process& process) {
    return write_struct(process);
}

spec::Seccomp seccomp_from_json(const Json& value, std::string_view what) {
    return read_root<spec::Seccomp>(value, what);
}
Json to_json(const spec::Seccomp& seccomp) {
    return write_struct(seccomp);
}

spec::Resources resources_from_json(const Json& value, std::string_view what) {
    return read_root<spec::Resources>(value, what);
}
Json to_json(const spec::Resources& resources) {
    return write_struct(resources);
}

}  // namespace nau::oci
