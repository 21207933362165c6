#pragma once

// What a user may ask of a container, as data: the flags of run and create, of which exec takes a
// part. Texts are as typed where their meaning depends on the image (user names, commands);
// everything that can be checked without the image has been parsed.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/container/health.h"
#include "engine/image/registry_flags.h"
#include "engine/network/network_options.h"
#include "engine/spec/accounts.h"
#include "engine/spec/user_namespace.h"

namespace nau::engine {

enum class PullPolicy { missing, always, never, newer };

/// Accepts missing, always, never, newer. @throws Error{invalid}
PullPolicy parse_pull_policy(std::string_view word);

/// One -v, --mount or --tmpfs.
struct MountRequest {
    enum class Type { bind, volume, tmpfs, ramfs, devpts, glob, image };
    Type type = Type::bind;
    /// Absolute host path, volume name (empty: anonymous), image, or empty.
    std::string source;
    std::string destination;  ///< absolute path inside the container
    bool is_read_only = false;
    bool is_recursive = true;          ///< rbind
    std::string propagation;           ///< rprivate, rslave, rshared, private, … or empty
    std::vector<std::string> options;  ///< nosuid, nodev, noexec, size=…, mode=…, …
    bool must_exist = false;           ///< --mount type=bind: a missing source is an error
    bool copy_up = true;               ///< volumes and tmpfs: fill an empty one from the image
    bool changes_owner = false;        ///< U: the source is given to the container's user
    /// O: what is written goes to a layer above the source, which stays as it is.
    bool is_overlay = false;
    std::string upper_dir;  ///< of the overlay, to be kept; empty: anew at each start
    std::string work_dir;
    std::map<std::string, std::string> volume_labels;   ///< of a volume that is new
    std::map<std::string, std::string> volume_options;  ///< likewise
    /// 'z' (shared) or 'Z' (private): give the source an SELinux label that containers may use;
    /// '\0': leave it. Means nothing where SELinux is not enabled.
    char selinux_relabel = '\0';
};

/// "[SOURCE:]DEST[:OPTIONS]" as docker and podman take it. @throws Error{invalid}
MountRequest parse_volume_flag(std::string_view text);
/// "type=bind,src=…,dst=…,ro,…". @throws Error{invalid}
MountRequest parse_mount_flag(std::string_view text);
/// "DEST[:OPTIONS]". @throws Error{invalid}
MountRequest parse_tmpfs_flag(std::string_view text);
/// A relative host path ("./data", "../x") below `working_directory`, which is absolute; others
/// stay as they are.
void make_source_absolute(MountRequest& mount, std::string_view working_directory);

/// --volumes-from: "CONTAINER[:OPTIONS]".
struct VolumesFromRequest {
    std::string container;
    std::optional<bool> is_read_only;  ///< absent: as there
};
/// @throws Error{invalid}
VolumesFromRequest parse_volumes_from_flag(std::string_view text);

/// --secret: "NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]".
struct SecretRequest {
    std::string secret;
    std::string target;  ///< absolute path, or the variable's name
    bool is_variable = false;
    uint32_t uid = 0;
    uint32_t gid = 0;
    uint32_t mode = 0444;
};
/// @throws Error{invalid}
SecretRequest parse_secret_flag(std::string_view text);

struct DeviceRequest {
    std::string host_path;
    std::string container_path;
    std::string permissions = "rwm";
};
/// "HOST[:CONTAINER][:rwm]". @throws Error{invalid}
DeviceRequest parse_device_flag(std::string_view text);

struct UlimitRequest {
    std::string type;  ///< "RLIMIT_NOFILE"
    uint64_t soft = 0;
    uint64_t hard = 0;
};
/// "nofile=1024[:2048]", -1 is unlimited. @throws Error{invalid}
UlimitRequest parse_ulimit_flag(std::string_view text);

/// --device-cgroup-rule: "TYPE MAJOR:MINOR ACCESS".
struct DeviceRuleRequest {
    std::string type;              ///< a, b, c
    std::optional<int64_t> major;  ///< absent: all ("*")
    std::optional<int64_t> minor;
    std::string access;
};
/// @throws Error{invalid}
DeviceRuleRequest parse_device_rule_flag(std::string_view text);

/// A number for a block device of the host, by path.
struct DeviceNumber {
    std::string path;
    uint64_t number = 0;  ///< a weight; bytes or operations each second
};
/// "/dev/sda:500": a weight from 10 to 1000. @throws Error{invalid}
DeviceNumber parse_device_weight_flag(std::string_view text);
/// "/dev/sda:1mb". @throws Error{invalid}
DeviceNumber parse_device_bytes_flag(std::string_view text);
/// "/dev/sda:1000". @throws Error{invalid}
DeviceNumber parse_device_count_flag(std::string_view text);

struct BlockIoOptions {
    std::optional<uint16_t> weight;
    std::vector<DeviceNumber> weights;
    std::vector<DeviceNumber> read_bytes;
    std::vector<DeviceNumber> write_bytes;
    std::vector<DeviceNumber> reads;
    std::vector<DeviceNumber> writes;
};

struct ResourceOptions {
    std::optional<int64_t> memory_bytes;
    std::optional<int64_t> memory_swap_bytes;  ///< memory + swap; -1 unlimited
    std::optional<int64_t> memory_reservation_bytes;
    std::optional<double> cpus;
    std::optional<uint64_t> cpu_shares;
    std::optional<int64_t> cpu_quota_us;
    std::optional<uint64_t> cpu_period_us;
    std::string cpuset_cpus;
    std::string cpuset_mems;
    std::optional<int64_t> pids_limit;  ///< 0 and -1: unlimited
    std::optional<int> oom_score_adj;
    std::string cgroup_parent;
    std::vector<UlimitRequest> ulimits;
    uint64_t shm_size_bytes = 64 << 20;
    std::optional<uint64_t> memory_swappiness;
    bool disables_oom_killer = false;
    std::optional<uint64_t> cpu_rt_period_us;
    std::optional<int64_t> cpu_rt_runtime_us;
    BlockIoOptions block_io;
    std::map<std::string, std::string> cgroup_files;  ///< --cgroup-conf: files of cgroup v2
    std::string rdt_class;
};

struct SecurityOptions {
    std::vector<std::string> cap_add;  ///< names with or without CAP_, or "all"
    std::vector<std::string> cap_drop;
    bool is_privileged = false;
    bool no_new_privileges = false;
    std::optional<std::string> seccomp_profile;  ///< "unconfined" or a path; absent: nau's default
    std::vector<std::string> masked_paths;       ///< --security-opt mask=
    std::vector<std::string> unmasked_paths;     ///< --security-opt unmask=, "ALL"
    std::string apparmor_profile;
    std::vector<std::string> selinux_options;  ///< --security-opt label=
    std::vector<std::string> proc_options;     ///< --security-opt proc-opts=
    bool has_writable_cgroups = false;         ///< --security-opt writable-cgroups
};
/// One --security-opt ("no-new-privileges", "seccomp=…", "mask=…", "unmask=…", "apparmor=…",
/// "label=…"), added to `security`. @throws Error{invalid} naming the option
void apply_security_opt(std::string_view text, SecurityOptions& security);

/// "KEY=VALUE" of a kernel parameter that belongs to a namespace of the container: kernel.msg*,
/// kernel.sem, kernel.shm*, kernel.domainname, fs.mqueue.*, net.*. @throws Error{invalid} for any
/// other: it would change the host
std::pair<std::string, std::string> parse_sysctl_flag(std::string_view text);

/// "NAME[;NAME…]:ADDRESS" (or with '='; the address may stand in brackets): one pair for each name.
/// @throws Error{invalid}
std::vector<std::pair<std::string, std::string>> parse_add_host_flag(std::string_view text);

struct LogOptions;
/// k8s-file, json-file, journald, passthrough, passthrough-tty or none. @throws
/// Error{unsupported}, {invalid}
std::string parse_log_driver(std::string_view text);
/// One --log-opt ("max-size=10m", "max-file=3", "compress=false", "tag=x"), added to `log`. Whether
/// the driver has such an option is checked by check_log_options(). @throws Error{invalid}
void apply_log_opt(std::string_view text, LogOptions& log);

/// The lines of an --env-file or --label-file: NAME=value, taken literally; NAME alone has no value
/// here; '#' begins a comment line. `file` is for errors. @throws Error{invalid} naming the line
std::vector<std::pair<std::string, std::optional<std::string>>> parse_env_lines(
    std::string_view text, std::string_view file);

/// A name of a time zone, such as Europe/Berlin, or "local". @throws Error{invalid}
void check_time_zone(std::string_view name);

/// At most 64 letters, digits, '-' and '.'. @throws Error{invalid}
void check_hostname(std::string_view name);

struct LogOptions {
    std::string driver = "k8s-file";  ///< as parse_log_driver() gives it
    std::optional<int64_t> max_size_bytes;
    std::optional<int> max_files;
    bool compresses = true;                    ///< old files
    std::string tag;                           ///< docker's markup is in it as it was given
    std::map<std::string, std::string> given;  ///< --log-opt, as typed
};

/// What the process inside is given; shared by run, create and exec.
struct ProcessOptions {
    std::vector<std::string> command;                      ///< empty: the image's
    std::optional<std::vector<std::string>> entrypoint;    ///< --entrypoint; empty list: none
    std::vector<std::pair<std::string, std::string>> env;  ///< -e and --env-file, in order
    std::vector<std::string> unset_env;
    /// --env-merge: values in which ${NAME} is what the variable was before.
    std::vector<std::pair<std::string, std::string>> merge_env;
    bool unsets_default_env = false;  ///< --unsetenv-all: only what the user names
    /// The caller's http_proxy and its kin: defaults, which the image and the user override.
    std::vector<std::pair<std::string, std::string>> proxy_env;
    std::string user;     ///< "name|uid[:group|gid]"; empty: the image's
    std::string workdir;  ///< empty: the image's
    bool has_terminal = false;
    bool keeps_stdin = false;  ///< -i
    std::vector<std::string> group_add;
    std::optional<uint32_t> umask;
};

struct CreateOptions {
    std::string image;        ///< as typed: reference, id or id prefix; with --rootfs a directory
    bool has_rootfs = false;  ///< the root is the directory `image`, absolute
    bool rootfs_is_overlay = false;  ///< what is written goes to a layer above it
    std::string name;                ///< empty: made up
    std::string platform;
    PullPolicy pull = PullPolicy::missing;
    RegistryFlags registry;  ///< of a pull
    ProcessOptions process;
    ResourceOptions resources;
    SecurityOptions security;
    NetworkOptions network;
    LogOptions log;
    std::vector<MountRequest> mounts;
    std::vector<DeviceRequest> devices;
    std::vector<std::string> cdi_devices;  ///< "vendor.com/class=name", also of --gpus
    AccountOptions accounts;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
    std::map<std::string, std::string> sysctls;
    std::string pid_mode;  ///< "" or "private", "host", "container:ID"
    std::string ipc_mode;  ///< also "none", "shareable"
    std::string uts_mode;
    std::string cgroupns_mode;
    UserNamespaceOptions user_namespace;
    std::vector<DeviceRuleRequest> device_rules;
    std::vector<std::string> chroot_directories;   ///< --chrootdirs
    std::vector<std::string> required_containers;  ///< --requires
    std::string personality;                       ///< LINUX, LINUX32
    std::string time_zone;                         ///< a name below zoneinfo, or "local"
    /// What becomes of the places that the image wants volumes at.
    enum class ImageVolumes { anonymous, tmpfs, ignore };
    ImageVolumes image_volumes = ImageVolumes::anonymous;
    std::vector<VolumesFromRequest> volumes_from;
    std::vector<SecretRequest> secrets;
    std::optional<std::chrono::seconds> timeout;  ///< --timeout: killed after that
    std::string pid_file;
    std::string monitor_pid_file;
    bool removes_image = false;  ///< --rmi
    bool is_read_only = false;
    bool has_read_only_tmpfs = true;  ///< tmpfs on /tmp, /run, /var/tmp when read-only
    bool has_init = false;
    std::string init_path;         ///< of the host, in place of nau's; empty: nau's
    std::string systemd = "true";  ///< true, false, always
    std::optional<uint64_t> systemd_shm_size_bytes;
    bool auto_remove = false;
    std::string stop_signal;  ///< empty: the image's, else SIGTERM
    std::chrono::seconds stop_timeout{10};
    std::string restart_policy = "no";  ///< as monitor::parse_restart_policy() takes it
    HealthOptions health;
    std::string sdnotify = "container";  ///< as monitor::parse_notify_mode() takes it
    bool replaces = false;               ///< --replace
};

}  // namespace nau::engine
