#pragma once

// InitPlan: everything that a task's first process has to do between clone3 and execve, decided
// beforehand and written down as plain data. plan_builder.h makes one from a runtime spec, without
// asking the system; launch.cc opens what it names; child.cc walks it from top to bottom. The child
// shares no memory with its parent but sees a copy, so that it may read these strings and vectors,
// and may not change them: it cannot allocate.
//
// Paths in the container are kept without the leading slash and without "." or "..", relative to
// its root; the root itself is "". What the parent must open for the child (sources of bind mounts,
// namespaces) is referred to by an index into the list of things to open.
//
// The numbers of MOUNT_ATTR_*, CLONE_*, RLIMIT_* and so on are the kernel's.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/types.h>
#include <vector>

#include "oci/runtime_spec.h"
#include "runtime/seccomp.h"

namespace nau::runtime {

/// A parameter of fsconfig(2): a flag when there is no value.
struct FsParameter {
    std::string key;
    std::optional<std::string> value;
};

/// Attributes of one mount (`all`: of it and of everything below it), as mount_setattr(2) takes
/// them.
struct MountAttributeChange {
    uint64_t set = 0;
    uint64_t clear = 0;
    uint64_t set_all = 0;
    uint64_t clear_all = 0;
};

struct DeviceNode {
    std::string path;  ///< in the container
    mode_t mode = 0;   ///< type and permissions
    unsigned major = 0;
    unsigned minor = 0;
    uid_t uid = 0;
    gid_t gid = 0;
};

struct Symlink {
    std::string path;  ///< in the container, or relative to the mount it is made in
    std::string target;
};

/// A v1 hierarchy inside the tmpfs that holds them all.
struct CgroupSubmount {
    std::string name;  ///< directory in the tmpfs
    std::string fs_type;
    std::vector<FsParameter> parameters;
    /// Without a cgroup namespace: the group itself, opened by the parent.
    std::optional<size_t> source;
};

enum class MountKind : uint8_t {
    filesystem,  ///< a new one of `fs_type`
    bind,        ///< the tree that the parent has opened
    remount,     ///< what is mounted on the target already, changed
};

/// Ids that a mount shows in the place of those its files have: what the parent makes a user
/// namespace of.
struct IdMap {
    std::vector<oci::spec::IdMapping> uids;
    std::vector<oci::spec::IdMapping> gids;
    bool of_joined_namespace = false;  ///< those of the user namespace that is joined
    std::string member;
};

struct MountStep {
    MountKind kind = MountKind::filesystem;
    std::string member;  ///< "mounts[3]", for errors
    std::string target;
    std::string fs_type;
    std::vector<FsParameter> parameters;
    std::optional<size_t> source;  ///< bind: index into InitPlan::sources
    std::optional<size_t> id_map;  ///< filesystem: index into InitPlan::id_maps

    uint64_t attributes = 0;  ///< filesystem: MOUNT_ATTR_* from the beginning
    MountAttributeChange change;
    /// A flag of the end: the mount is filled first (devices, cgroups, copied files).
    bool read_only_when_filled = false;
    uint64_t propagation = 0;  ///< MS_PRIVATE …; 0: as it is
    bool propagation_all = false;

    /// The target must not be reached through a symbolic link: /proc, /sys, /dev and what is below
    /// them (CVE-2023-27561, CVE-2019-19921).
    bool no_symlinks = false;
    /// The target may be in a procfs: the few single files that may be covered there.
    bool may_cover_procfs = false;
    /// A bind mount of a procfs over /proc: the source must really be one.
    bool source_must_be_procfs = false;
    /// tmpfs: the target's files are copied into it before it covers them.
    bool copy_up = false;
    /// This is the container's /proc, through which the child makes its own writes.
    bool is_proc = false;
    /// This is a new file system on /dev.
    bool is_dev = false;

    std::vector<DeviceNode> devices;  ///< relative paths below the target
    std::vector<Symlink> symlinks;
    std::vector<CgroupSubmount> cgroups;
};

/// What the parent opens with open_tree(OPEN_TREE_CLONE) before clone3.
struct BindSource {
    std::string path;  ///< on the host, absolute
    bool is_recursive = false;
    std::string member;
    std::optional<size_t> id_map = {};  ///< index into InitPlan::id_maps
    bool maps_all = false;              ///< the mounts below it too
};

struct NamespaceToJoin {
    int flag = 0;  ///< CLONE_NEW*
    std::string path;
    std::string member;
};

/// A program that is run on the way.
struct HookStep {
    std::string member;  ///< "hooks: createContainer[0]"
    std::string path;
    std::vector<std::string> argv;
    std::vector<std::string> env;
    int64_t timeout_s = 0;  ///< 0: none
};

/// A network device of the caller's namespace that becomes the container's.
struct NetDeviceMove {
    std::string host_name;
    std::string name;  ///< in the container; may end in "%d"
};

struct SysctlWrite {
    std::string path;  ///< below /proc: "sys/net/ipv4/ip_forward"
    std::string value;
    std::string name;  ///< as in the spec
};

struct RlimitSetting {
    int resource = 0;
    uint64_t soft = 0;
    uint64_t hard = 0;
    std::string name;
};

struct SchedulerSetting {
    uint32_t policy = 0;
    uint64_t flags = 0;
    int32_t nice = 0;
    uint32_t priority = 0;
    uint64_t runtime = 0;
    uint64_t deadline = 0;
    uint64_t period = 0;
};

struct MemoryPolicySetting {
    int mode = 0;  ///< with its flags
    std::vector<unsigned long> nodes;
};

struct CapabilityMasks {
    uint64_t bounding = 0;
    uint64_t effective = 0;
    uint64_t inheritable = 0;
    uint64_t permitted = 0;
    uint64_t ambient = 0;
};

struct TimeOffsetLine {
    std::string clock;
    int64_t secs = 0;
    uint32_t nanosecs = 0;
};

/// Who the process is and what it may do: the same for a task's first process and for an exec
/// session.
struct ProcessPlan {
    std::vector<std::string> argv;
    std::vector<std::string> env;
    /// Directories of PATH in env; empty: argv[0] has a slash.
    std::vector<std::string> search_path;
    std::string cwd;  ///< as given, absolute

    bool terminal = false;
    uint16_t console_rows = 0;
    uint16_t console_columns = 0;

    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    std::optional<mode_t> umask;

    std::optional<CapabilityMasks> capabilities;  ///< absent: none at all
    unsigned last_capability = 40;                ///< of this kernel
    bool no_new_privileges = false;
    std::optional<SeccompFilter> seccomp;
    /// What is written to attr/apparmor/exec and attr/exec.
    std::string apparmor_exec;
    std::string selinux_exec;

    std::vector<RlimitSetting> rlimits;
    std::optional<int> oom_score_adj;
    std::optional<SchedulerSetting> scheduler;
    std::optional<int> io_priority;  ///< as ioprio_set takes it
    std::optional<MemoryPolicySetting> memory_policy;
    std::optional<unsigned long> personality;
    /// exec sessions: masks before and after the groups are joined; empty: inherited.
    std::vector<unsigned long> initial_cpu_affinity;
    std::vector<unsigned long> cpu_affinity;
};

struct InitPlan {
    std::string id;

    uint64_t clone_flags = 0;  ///< CLONE_NEW* for clone3; the cgroup namespace is unshared later
    bool new_cgroup_namespace = false;
    std::vector<NamespaceToJoin> namespaces;
    bool new_user_namespace = false;
    bool joins_user_namespace = false;
    std::vector<oci::spec::IdMapping> uid_mappings;
    std::vector<oci::spec::IdMapping> gid_mappings;
    std::vector<TimeOffsetLine> time_offsets;

    std::string hostname;
    std::string domainname;

    std::vector<NetDeviceMove> net_devices;

    std::vector<BindSource> sources;
    std::vector<IdMap> id_maps;
    std::vector<MountStep> mounts;
    /// What no mount step makes: device nodes elsewhere, links in a /dev that is not new.
    std::vector<DeviceNode> devices;
    std::vector<Symlink> symlinks;
    bool console_in_dev = false;
    std::vector<std::string> masked_paths;
    std::vector<std::string> readonly_paths;
    bool readonly_root = false;
    uint64_t root_propagation = 0;  ///< with MS_REC in `root_propagation_all`
    bool root_propagation_all = false;
    std::vector<SysctlWrite> sysctls;

    /// Hooks see the container's mounts below the host's tree: then the root is attached at
    /// `root_mount_point` (empty: over "/"), filled, and only entered when they have run.
    bool pivots_late = false;
    std::string root_mount_point;
    std::vector<HookStep> create_container_hooks;
    std::vector<HookStep> start_container_hooks;

    /// Session keyring; empty: the caller's is kept.
    std::string keyring_name;
    ProcessPlan process;
    /// Process 1 is nau's reaper, the command its child.
    bool init = false;

    /// The filter is loaded as the last thing before execve, so that it need not allow what nau
    /// does until then. Only where no other process could take the unfiltered one over.
    bool filters_last = false;

    /// The child writes to procfs and no mount step brings a usable one.
    bool needs_private_procfs = false;
};

}  // namespace nau::runtime
