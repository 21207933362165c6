#pragma once

// The runtime specification's config.json (opencontainers/runtime-spec 1.3) as plain data: what a
// container is to be, said without Linux calls. The engine writes it, the monitor reads it back,
// and an outside caller may bring one of its own.
//
// Only what concerns Linux is kept; other platforms' sections are ignored, as the spec asks of
// unknown members. An absent optional is nullopt, an empty string or an empty list. Names of
// members are the spec's in snake_case; units are the spec's.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace nau::oci {

/// The version that nau writes.
constexpr std::string_view kRuntimeSpecVersion = "1.3.0";

namespace spec {

struct ConsoleSize {
    uint32_t height = 0;
    uint32_t width = 0;
};

struct User {
    uint32_t uid = 0;
    uint32_t gid = 0;
    std::optional<uint32_t> umask;
    std::vector<uint32_t> additional_gids;
};

/// Names as "CAP_CHOWN".
struct Capabilities {
    std::vector<std::string> bounding;
    std::vector<std::string> effective;
    std::vector<std::string> inheritable;
    std::vector<std::string> permitted;
    std::vector<std::string> ambient;
};

struct Rlimit {
    std::string type;  ///< "RLIMIT_NOFILE"
    uint64_t soft = 0;
    uint64_t hard = 0;  ///< UINT64_MAX: unlimited
};

struct Scheduler {
    std::string policy;  ///< "SCHED_OTHER"
    int32_t nice = 0;
    int32_t priority = 0;
    std::vector<std::string> flags;
    uint64_t runtime = 0;
    uint64_t deadline = 0;
    uint64_t period = 0;
};

struct IoPriority {
    std::string class_name;  ///< "class": "IOPRIO_CLASS_BE"
    int32_t priority = 0;
};

struct ExecCpuAffinity {
    std::string initial;
    std::string final_;  ///< "final"
};

struct Process {
    bool terminal = false;
    std::optional<ConsoleSize> console_size;
    User user;
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::string cwd = "/";
    std::optional<Capabilities> capabilities;
    std::vector<Rlimit> rlimits;
    bool no_new_privileges = false;
    std::string apparmor_profile;
    std::string selinux_label;
    std::optional<int32_t> oom_score_adj;
    std::optional<Scheduler> scheduler;
    std::optional<IoPriority> io_priority;
    std::optional<ExecCpuAffinity> exec_cpu_affinity;
};

struct Root {
    std::string path;
    bool readonly = false;
};

struct IdMapping {
    uint32_t container_id = 0;
    uint32_t host_id = 0;
    uint32_t size = 0;
};

struct Mount {
    std::string destination;
    std::string type;
    std::string source;
    std::vector<std::string> options;
    std::vector<IdMapping> uid_mappings;
    std::vector<IdMapping> gid_mappings;
};

struct Hook {
    std::string path;
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::optional<int64_t> timeout;  ///< seconds
};

struct Hooks {
    std::vector<Hook> prestart;
    std::vector<Hook> create_runtime;
    std::vector<Hook> create_container;
    std::vector<Hook> start_container;
    std::vector<Hook> poststart;
    std::vector<Hook> poststop;
};

struct Namespace {
    std::string type;  ///< pid network mount ipc uts user cgroup time
    std::string path;  ///< empty: a new one
};

struct Device {
    std::string type;  ///< c, b, u, p
    std::string path;
    int64_t major = 0;
    int64_t minor = 0;
    std::optional<uint32_t> file_mode;
    std::optional<uint32_t> uid;
    std::optional<uint32_t> gid;
};

struct TimeOffset {
    int64_t secs = 0;
    uint32_t nanosecs = 0;
};

struct DeviceRule {
    bool allow = false;
    std::string type;              ///< a, c, b; empty: a
    std::optional<int64_t> major;  ///< absent or negative: all
    std::optional<int64_t> minor;
    std::string access;  ///< of r, w, m; empty: all
};

struct MemoryResources {
    std::optional<int64_t> limit;
    std::optional<int64_t> reservation;
    std::optional<int64_t> swap;  ///< memory + swap
    std::optional<int64_t> kernel;
    std::optional<int64_t> kernel_tcp;
    std::optional<uint64_t> swappiness;
    std::optional<bool> disable_oom_killer;
    std::optional<bool> use_hierarchy;
    std::optional<bool> check_before_update;
};

struct CpuResources {
    std::optional<uint64_t> shares;
    std::optional<int64_t> quota;
    std::optional<uint64_t> burst;
    std::optional<uint64_t> period;
    std::optional<int64_t> realtime_runtime;
    std::optional<uint64_t> realtime_period;
    std::string cpus;
    std::string mems;
    std::optional<int64_t> idle;
};

struct WeightDevice {
    int64_t major = 0;
    int64_t minor = 0;
    std::optional<uint16_t> weight;
    std::optional<uint16_t> leaf_weight;
};

struct ThrottleDevice {
    int64_t major = 0;
    int64_t minor = 0;
    uint64_t rate = 0;
};

struct BlockIoResources {
    std::optional<uint16_t> weight;
    std::optional<uint16_t> leaf_weight;
    std::vector<WeightDevice> weight_device;
    std::vector<ThrottleDevice> throttle_read_bps_device;
    std::vector<ThrottleDevice> throttle_write_bps_device;
    std::vector<ThrottleDevice> throttle_read_iops_device;
    std::vector<ThrottleDevice> throttle_write_iops_device;
};

struct HugepageLimit {
    std::string page_size;
    uint64_t limit = 0;
};

struct InterfacePriority {
    std::string name;
    uint32_t priority = 0;
};

struct NetworkResources {
    std::optional<uint32_t> class_id;
    std::vector<InterfacePriority> priorities;
};

struct RdmaLimit {
    std::optional<uint32_t> hca_handles;
    std::optional<uint32_t> hca_objects;
};

struct Resources {
    std::vector<DeviceRule> devices;
    std::optional<MemoryResources> memory;
    std::optional<CpuResources> cpu;
    std::optional<int64_t> pids_limit;  ///< pids.limit; ≤ 0 or -1: unlimited
    std::optional<BlockIoResources> block_io;
    std::vector<HugepageLimit> hugepage_limits;
    std::optional<NetworkResources> network;
    std::map<std::string, RdmaLimit> rdma;
    std::map<std::string, std::string> unified;
};

struct SeccompArg {
    uint32_t index = 0;
    uint64_t value = 0;
    uint64_t value_two = 0;
    std::string op;  ///< "SCMP_CMP_EQ"
};

struct SeccompSyscall {
    std::vector<std::string> names;
    std::string action;
    std::optional<uint32_t> errno_ret;
    std::vector<SeccompArg> args;
};

struct Seccomp {
    std::string default_action;
    std::optional<uint32_t> default_errno_ret;
    std::vector<std::string> architectures;  ///< "SCMP_ARCH_X86_64"
    std::vector<std::string> flags;
    std::string listener_path;
    std::string listener_metadata;
    std::vector<SeccompSyscall> syscalls;
};

struct IntelRdt {
    std::string clos_id;
    std::vector<std::string> schemata;
    std::string l3_cache_schema;
    std::string mem_bw_schema;
    bool enable_cmt = false;
    bool enable_mbm = false;
    bool enable_monitoring = false;
};

struct Personality {
    std::string domain;  ///< LINUX, LINUX32
    std::vector<std::string> flags;
};

struct MemoryPolicy {
    std::string mode;  ///< "MPOL_BIND"
    std::string nodes;
    std::vector<std::string> flags;
};

struct NetDevice {
    std::string name;  ///< in the container; empty: as on the host
};

struct Linux {
    std::vector<IdMapping> uid_mappings;
    std::vector<IdMapping> gid_mappings;
    std::map<std::string, std::string> sysctl;
    std::optional<Resources> resources;
    std::string cgroups_path;
    std::vector<Namespace> namespaces;
    std::vector<Device> devices;
    std::map<std::string, NetDevice> net_devices;
    std::optional<Seccomp> seccomp;
    std::string rootfs_propagation;
    std::vector<std::string> masked_paths;
    std::vector<std::string> readonly_paths;
    std::string mount_label;
    std::optional<IntelRdt> intel_rdt;
    std::optional<MemoryPolicy> memory_policy;
    std::optional<Personality> personality;
    std::map<std::string, TimeOffset> time_offsets;
};

}  // namespace spec

struct RuntimeSpec {
    std::string oci_version{kRuntimeSpecVersion};
    std::optional<spec::Process> process;
    std::optional<spec::Root> root;
    std::string hostname;
    std::string domainname;
    std::vector<spec::Mount> mounts;
    spec::Hooks hooks;
    std::map<std::string, std::string> annotations;
    spec::Linux linux_;  ///< "linux", which is a macro in GNU dialects
};

/// Strict about types and ranges, tolerant of unknown members; errors name the member
/// ("config.json: linux: resources: pids: limit: is not an integer of 64 bits").
/// @throws Error{corrupt}; Error{unsupported} for a version whose major number is not 1
RuntimeSpec parse_runtime_spec(std::string_view text, std::string_view what = "config.json");
RuntimeSpec runtime_spec_from_json(const nlohmann::json& value, std::string_view what);

/// Leaves out what is absent. @pre every string is UTF-8 (others become U+FFFD in text)
nlohmann::json to_json(const RuntimeSpec& spec);

// Parts that travel alone: an exec session's process, a profile file, an update's limits.
spec::Process process_from_json(const nlohmann::json& value, std::string_view what);
nlohmann::json to_json(const spec::Process& process);
spec::Seccomp seccomp_from_json(const nlohmann::json& value, std::string_view what);
nlohmann::json to_json(const spec::Seccomp& seccomp);
spec::Resources resources_from_json(const nlohmann::json& value, std::string_view what);
nlohmann::json to_json(const spec::Resources& resources);

}  // namespace nau::oci
