#pragma once

// Image config + what the user asked for → runtime spec. Pure: everything that has to be looked up
// (the user in the container's passwd, device numbers, volume paths) has been looked up by the
// caller and is passed in as data, so that the outcome can be compared with golden files.

#include <string>
#include <vector>

#include "engine/spec/create_options.h"
#include "oci/digest.h"
#include "oci/image_config.h"
#include "oci/runtime_spec.h"
#include "runtime/users.h"
#include "sys/capabilities.h"

namespace nau::engine {

/// A MountRequest whose source is settled.
struct ResolvedMount {
    MountRequest request;
    std::string source;  ///< absolute host path; empty for tmpfs
    std::string volume;  ///< name of the volume, if it is one
    bool is_anonymous = false;
    /// Of a volume that is a file system of its own (volume create -o type=…): how it is mounted in
    /// place of its directory.
    struct FileSystem {
        std::string type;
        std::string device;
        std::vector<std::string> options;
    };
    std::optional<FileSystem> file_system = {};
    /// Of an overlay (O, type=image): the trees below, top first. It is read-only without upper.
    std::vector<std::string> lower_dirs = {};
    std::string upper = {};
    std::string work = {};
    std::string overlay_directory = {};             ///< holds both, and is made anew at each start
    std::optional<oci::ChainId> image_layers = {};  ///< to be kept as long as the container
};

struct ResolvedDevice {
    oci::spec::Device node;
    std::string permissions;
};

/// Which ids the container has outside. No maps: the host's user namespace.
struct UserNamespace {
    IdMappings uids;
    IdMappings gids;
    std::string path;  ///< one that exists and is joined; empty: a new one, or another container's

    bool is_host() const noexcept { return uids.empty(); }
};

struct SpecInputs {
    std::string id;
    const CreateOptions& options;
    const oci::ContainerDefaults& defaults;
    runtime::ResolvedUser user;
    std::vector<uint32_t> further_gids;  ///< --group-add
    std::vector<ResolvedMount> mounts;
    std::vector<ResolvedDevice> devices;  ///< --device, or the host's all with --privileged
    std::optional<oci::spec::BlockIoResources> block_io = {};
    std::string time_zone_file = {};  ///< of the host, for /etc/localtime; empty: the image's own
    std::string etc_directory;        ///< holds hostname, hosts and resolv.conf; absolute
    std::string host_name_of_host;
    bool host_has_mqueue = true;  ///< /dev/mqueue is there, for who shares the host's ipc namespace
    sys::CapabilitySet available_capabilities;  ///< the caller's own
    /// Parsed --security-opt seccomp=FILE; ignored when the profile is nau's or none.
    std::optional<oci::spec::Seccomp> custom_seccomp;
    UserNamespace user_namespace = {};
    bool adds_passwd = false;  ///< etc_directory holds passwd as well
    bool adds_group = false;
};

/// Whether what runs is systemd, for which a container is laid out in its own way: as --systemd
/// says, or by the name of the command, as podman does.
bool runs_systemd(const CreateOptions& options, const oci::ContainerDefaults& defaults);

/// Where the binary of --init-path appears.
inline constexpr const char* kInitDestination = "/dev/init";

/// @throws Error{invalid} when neither the user nor the image says what to run, or a capability,
///         sysctl or mode is unknown
oci::RuntimeSpec build_runtime_spec(const SpecInputs& inputs);

/// Entry point and command as docker combines them: --entrypoint drops the image's command.
std::vector<std::string> combine_command(const ProcessOptions& process,
                                         const oci::ContainerDefaults& defaults);

/// The image's environment, then nau's own (PATH, TERM, HOSTNAME, HOME), then the user's; each name
/// once, the last word wins.
std::vector<std::string> combine_environment(const ProcessOptions& process,
                                             const std::vector<std::string>& image_env,
                                             const std::string& host_name,
                                             const std::string& home);

/// What a container may do: nau's default set, --privileged, --cap-add and --cap-drop ("all"
/// first).
/// "All" and the default set are limited to `available`, what the caller has itself: inside another
/// container that is less than the kernel knows. @throws Error{invalid} an unknown name
sys::CapabilitySet combine_capabilities(const SecurityOptions& security,
                                        sys::CapabilitySet available);

/// All five sets of a process: effective and permitted only for root; inheritable and ambient are
/// always empty (CVE-2022-24769 and its kin).
oci::spec::Capabilities capabilities_of_process(sys::CapabilitySet bounding, bool is_root);

}  // namespace nau::engine
