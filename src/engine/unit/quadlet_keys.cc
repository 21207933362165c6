#include "engine/unit/quadlet_keys.h"

#include <array>

namespace nau::engine::unit {

namespace {

using enum KeyKind;

constexpr std::string_view kPods = "pods come later";
constexpr std::string_view kUserns = "UserNS=, UIDMap= and GIDMap= say it";
constexpr std::string_view kModules = "nau has no modules of containers.conf";
constexpr std::string_view kUpdate = "nau updates no images by itself";

constexpr std::array kContainer = {
    KeyRule{"AddCapability", words, "--cap-add"},
    KeyRule{"AddDevice", each, "--device"},
    KeyRule{"AddHost", each, "--add-host"},
    KeyRule{"Annotation", words, "--annotation"},
    KeyRule{"AutoUpdate", refused, kUpdate},
    KeyRule{"CgroupsMode", value, "--cgroups"},
    KeyRule{"ContainerName", special, ""},
    KeyRule{"ContainersConfModule", refused, kModules},
    KeyRule{"DNS", each, "--dns"},
    KeyRule{"DNSOption", each, "--dns-option"},
    KeyRule{"DNSSearch", each, "--dns-search"},
    KeyRule{"DropCapability", words, "--cap-drop"},
    KeyRule{"Entrypoint", value, "--entrypoint"},
    KeyRule{"Environment", words, "--env"},
    KeyRule{"EnvironmentFile", special, ""},
    KeyRule{"EnvironmentHost", boolean, "--env-host"},
    KeyRule{"Exec", special, ""},
    KeyRule{"ExposeHostPort", each, "--expose"},
    KeyRule{"GIDMap", each, "--gidmap"},
    KeyRule{"GlobalArgs", special, ""},
    KeyRule{"Group", special, ""},
    KeyRule{"GroupAdd", each, "--group-add"},
    KeyRule{"HealthCmd", value, "--health-cmd"},
    KeyRule{"HealthInterval", value, "--health-interval"},
    KeyRule{"HealthLogDestination", refused, "'nau inspect' shows the results"},
    KeyRule{"HealthMaxLogCount", value, "--health-max-log-count"},
    KeyRule{"HealthMaxLogSize", value, "--health-max-log-size"},
    KeyRule{"HealthOnFailure", value, "--health-on-failure"},
    KeyRule{"HealthRetries", value, "--health-retries"},
    KeyRule{"HealthStartPeriod", value, "--health-start-period"},
    KeyRule{"HealthStartupCmd", value, "--health-startup-cmd"},
    KeyRule{"HealthStartupInterval", value, "--health-startup-interval"},
    KeyRule{"HealthStartupRetries", value, "--health-startup-retries"},
    KeyRule{"HealthStartupSuccess", value, "--health-startup-success"},
    KeyRule{"HealthStartupTimeout", value, "--health-startup-timeout"},
    KeyRule{"HealthTimeout", value, "--health-timeout"},
    KeyRule{"HostName", value, "--hostname"},
    KeyRule{"HttpProxy", boolean, "--http-proxy"},
    KeyRule{"IP", value, "--ip"},
    KeyRule{"IP6", value, "--ip6"},
    KeyRule{"Image", special, ""},
    KeyRule{"Label", words, "--label"},
    KeyRule{"LogDriver", value, "--log-driver"},
    KeyRule{"LogOpt", each, "--log-opt"},
    KeyRule{"Mask", special, "mask="},
    KeyRule{"Memory", value, "--memory"},
    KeyRule{"Mount", special, ""},
    KeyRule{"Network", special, ""},
    KeyRule{"NetworkAlias", each, "--network-alias"},
    KeyRule{"NoNewPrivileges", special, ""},
    KeyRule{"Notify", special, ""},
    KeyRule{"PidsLimit", value, "--pids-limit"},
    KeyRule{"Pod", refused, kPods},
    KeyRule{"PodmanArgs", special, ""},
    KeyRule{"PublishPort", each, "--publish"},
    KeyRule{"Pull", value, "--pull"},
    KeyRule{"ReadOnly", boolean, "--read-only"},
    KeyRule{"ReadOnlyTmpfs", boolean, "--read-only-tmpfs"},
    KeyRule{"ReloadCmd", special, ""},
    KeyRule{"ReloadSignal", special, ""},
    KeyRule{"RemapGid", refused, kUserns},
    KeyRule{"RemapUid", refused, kUserns},
    KeyRule{"RemapUsers", refused, kUserns},
    KeyRule{"Retry", value, "--retry"},
    KeyRule{"RetryDelay", value, "--retry-delay"},
    KeyRule{"Rootfs", special, ""},
    KeyRule{"RunInit", boolean, "--init"},
    KeyRule{"SeccompProfile", special, "seccomp="},
    KeyRule{"Secret", each, "--secret"},
    KeyRule{"SecurityLabelDisable", special, "label=disable"},
    KeyRule{"SecurityLabelFileType", special, "label=filetype:"},
    KeyRule{"SecurityLabelLevel", special, "label=level:"},
    KeyRule{"SecurityLabelNested", special, "label=nested"},
    KeyRule{"SecurityLabelType", special, "label=type:"},
    KeyRule{"ServiceName", special, ""},
    KeyRule{"ShmSize", value, "--shm-size"},
    KeyRule{"StartWithPod", refused, kPods},
    KeyRule{"StopSignal", value, "--stop-signal"},
    KeyRule{"StopTimeout", value, "--stop-timeout"},
    KeyRule{"SubGIDMap", value, "--subgidname"},
    KeyRule{"SubUIDMap", value, "--subuidname"},
    KeyRule{"Sysctl", words, "--sysctl"},
    KeyRule{"Timezone", value, "--tz"},
    KeyRule{"Tmpfs", each, "--tmpfs"},
    KeyRule{"UIDMap", each, "--uidmap"},
    KeyRule{"Ulimit", each, "--ulimit"},
    KeyRule{"Unmask", special, "unmask="},
    KeyRule{"User", special, ""},
    KeyRule{"UserNS", value, "--userns"},
    KeyRule{"Volume", special, ""},
    KeyRule{"VolatileTmp", refused, "Tmpfs=/tmp does the same"},
    KeyRule{"WorkingDir", value, "--workdir"},
};

constexpr std::array kVolume = {
    KeyRule{"ContainersConfModule", refused, kModules},
    KeyRule{"Copy", refused, "an empty volume is always filled from the image"},
    KeyRule{"Device", special, "device="},
    KeyRule{"Driver", value, "--driver"},
    KeyRule{"GlobalArgs", special, ""},
    KeyRule{"Group", value, "--gid"},
    KeyRule{"Image", refused, "volumes out of images come later"},
    KeyRule{"Label", words, "--label"},
    KeyRule{"Options", special, "o="},
    KeyRule{"PodmanArgs", special, ""},
    KeyRule{"ServiceName", special, ""},
    KeyRule{"Type", special, "type="},
    KeyRule{"User", value, "--uid"},
    KeyRule{"VolumeName", special, ""},
};

constexpr std::array kNetwork = {
    KeyRule{"ContainersConfModule", refused, kModules},
    KeyRule{"DNS", each, "--dns"},
    KeyRule{"DisableDNS", boolean, "--disable-dns"},
    KeyRule{"Driver", value, "--driver"},
    KeyRule{"Gateway", each, "--gateway"},
    KeyRule{"GlobalArgs", special, ""},
    KeyRule{"IPAMDriver", refused, "nau gives addresses itself"},
    KeyRule{"IPRange", each, "--ip-range"},
    KeyRule{"IPv6", boolean, "--ipv6"},
    KeyRule{"InterfaceName", value, "--interface-name"},
    KeyRule{"Internal", boolean, "--internal"},
    KeyRule{"Label", words, "--label"},
    KeyRule{"NetworkDeleteOnStop", special, ""},
    KeyRule{"NetworkName", special, ""},
    KeyRule{"Options", words, "--opt"},
    KeyRule{"PodmanArgs", special, ""},
    KeyRule{"ServiceName", special, ""},
    KeyRule{"Subnet", each, "--subnet"},
};

}  // namespace

std::span<const KeyRule> key_rules(QuadletKind kind) noexcept {
    switch (kind) {
        case QuadletKind::container:
            return kContainer;
        case QuadletKind::volume:
            return kVolume;
        case QuadletKind::network:
            break;
    }
    return kNetwork;
}

std::string_view section_name(QuadletKind kind) noexcept {
    constexpr std::array<std::string_view, 3> kNames = {"Container", "Volume", "Network"};
    return kNames[static_cast<size_t>(kind)];
}

}  // namespace nau::engine::unit
