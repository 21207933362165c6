#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "base/parse.h"
#include "cli/command.h"
#include "subcommands/commands.h"

namespace {

/// The flags of `podman run --help` of 5.8, and docker's of the same command that podman lacks.
constexpr auto kRunFlags = std::to_array<std::string_view>({
    "add-host",
    "annotation",
    "arch",
    "attach",
    "authfile",
    "blkio-weight",
    "blkio-weight-device",
    "cap-add",
    "cap-drop",
    "cert-dir",
    "cgroup-conf",
    "cgroup-parent",
    "cgroupns",
    "cgroups",
    "chrootdirs",
    "cidfile",
    "conmon-pidfile",
    "cpu-count",
    "cpu-percent",
    "cpu-period",
    "cpu-quota",
    "cpu-rt-period",
    "cpu-rt-runtime",
    "cpu-shares",
    "cpus",
    "cpuset-cpus",
    "cpuset-mems",
    "creds",
    "decryption-key",
    "detach",
    "detach-keys",
    "device",
    "device-cgroup-rule",
    "device-read-bps",
    "device-read-iops",
    "device-write-bps",
    "device-write-iops",
    "disable-content-trust",
    "dns",
    "dns-option",
    "dns-search",
    "domainname",
    "entrypoint",
    "env",
    "env-file",
    "env-host",
    "env-merge",
    "expose",
    "gidmap",
    "gpus",
    "group-add",
    "group-entry",
    "health-cmd",
    "health-interval",
    "health-log-destination",
    "health-max-log-count",
    "health-max-log-size",
    "health-on-failure",
    "health-retries",
    "health-start-interval",
    "health-start-period",
    "health-startup-cmd",
    "health-startup-interval",
    "health-startup-retries",
    "health-startup-success",
    "health-startup-timeout",
    "health-timeout",
    "help",
    "hostname",
    "hosts-file",
    "hostuser",
    "http-proxy",
    "image-volume",
    "init",
    "init-path",
    "interactive",
    "io-maxbandwidth",
    "io-maxiops",
    "ip",
    "ip6",
    "ipc",
    "isolation",
    "label",
    "label-file",
    "link",
    "link-local-ip",
    "log-driver",
    "log-opt",
    "mac-address",
    "memory",
    "memory-reservation",
    "memory-swap",
    "memory-swappiness",
    "mount",
    "name",
    "network",
    "network-alias",
    "no-healthcheck",
    "no-hostname",
    "no-hosts",
    "oom-kill-disable",
    "oom-score-adj",
    "os",
    "passwd",
    "passwd-entry",
    "personality",
    "pid",
    "pidfile",
    "pids-limit",
    "platform",
    "pod",
    "pod-id-file",
    "preserve-fd",
    "preserve-fds",
    "privileged",
    "publish",
    "publish-all",
    "pull",
    "quiet",
    "rdt-class",
    "read-only",
    "read-only-tmpfs",
    "replace",
    "requires",
    "restart",
    "retry",
    "retry-delay",
    "rm",
    "rmi",
    "rootfs",
    "runtime",
    "sdnotify",
    "seccomp-policy",
    "secret",
    "security-opt",
    "shm-size",
    "shm-size-systemd",
    "sig-proxy",
    "stop-signal",
    "stop-timeout",
    "storage-opt",
    "subgidname",
    "subuidname",
    "sysctl",
    "systemd",
    "timeout",
    "tls-verify",
    "tmpfs",
    "tty",
    "tz",
    "uidmap",
    "ulimit",
    "umask",
    "unsetenv",
    "unsetenv-all",
    "use-api-socket",
    "user",
    "userns",
    "uts",
    "variant",
    "volume",
    "volume-driver",
    "volumes-from",
    "workdir",
});

/// Of other verbs of podman 5.8.
struct VerbFlags {
    std::string_view verb;
    std::vector<std::string_view> flags;
};

const std::vector<VerbFlags>& other_verbs() {
    static const std::vector<VerbFlags> verbs = {
        {"exec",
         {"cidfile",
          "detach",
          "detach-keys",
          "env",
          "env-file",
          "interactive",
          "latest",
          "preserve-fd",
          "preserve-fds",
          "privileged",
          "tty",
          "user",
          "workdir"}},
        {"start", {"all", "attach", "detach-keys", "filter", "interactive", "latest", "sig-proxy"}},
        {"stop", {"all", "cidfile", "filter", "ignore", "latest", "time"}},
        {"kill", {"all", "cidfile", "latest", "signal"}},
        {"restart", {"all", "cidfile", "filter", "latest", "running", "time"}},
        {"pause", {"all", "cidfile", "filter", "latest"}},
        {"unpause", {"all", "cidfile", "filter", "latest"}},
        {"rm",
         {"all", "cidfile", "depend", "filter", "force", "ignore", "latest", "time", "volumes"}},
        // Not --namespace: to nau that is the tenant; --ns is the other word for it.
        {"ps",
         {"all",
          "external",
          "filter",
          "format",
          "last",
          "latest",
          "no-trunc",
          "noheading",
          "ns",
          "pod",
          "quiet",
          "size",
          "sort",
          "sync",
          "watch"}},
        {"inspect", {"format", "latest", "size", "type"}},
        {"wait", {"condition", "ignore", "interval", "latest"}},
        {"attach", {"detach-keys", "latest", "no-stdin", "sig-proxy"}},
        {"init", {"all", "latest"}},
        {"top", {"latest", "list-descriptors"}},
        {"port", {"all", "latest"}},
        {"cp", {"archive", "overwrite"}},
        {"mount", {"all", "format", "latest", "no-trunc", "notruncate"}},
        {"unmount", {"all", "force", "latest"}},
        {"update",
         {"blkio-weight",
          "blkio-weight-device",
          "cpu-period",
          "cpu-quota",
          "cpu-rt-period",
          "cpu-rt-runtime",
          "cpu-shares",
          "cpus",
          "cpuset-cpus",
          "cpuset-mems",
          "device-read-bps",
          "device-read-iops",
          "device-write-bps",
          "device-write-iops",
          "env",
          "health-cmd",
          "health-interval",
          "health-log-destination",
          "health-max-log-count",
          "health-max-log-size",
          "health-on-failure",
          "health-retries",
          "health-start-period",
          "health-startup-cmd",
          "health-startup-interval",
          "health-startup-retries",
          "health-startup-success",
          "health-startup-timeout",
          "health-timeout",
          "kernel-memory",
          "latest",
          "memory",
          "memory-reservation",
          "memory-swap",
          "memory-swappiness",
          "no-healthcheck",
          "pids-limit",
          "restart",
          "ulimit",
          "unsetenv"}},
    };
    return verbs;
}

bool is_refused(const nau::cli::FlagSet& flags, std::string_view name) {
    return std::any_of(flags.refused().begin(), flags.refused().end(), [&](const auto& refused) {
        const auto names = nau::split(refused.names, ',');
        return std::any_of(names.begin(), names.end(), [&](std::string_view word) {
            return word.starts_with("--") && word.substr(2) == name;
        });
    });
}

std::vector<std::string_view> unknown_flags(std::string_view verb,
                                            const std::vector<std::string_view>& names) {
    const auto* row = nau::subcommands::commands().find("", verb);
    REQUIRE(row != nullptr);
    const auto invocation = row->command->make("nau " + std::string(verb));
    std::vector<std::string_view> unknown;
    for (const auto name : names) {
        if (name != "help" && invocation->flags().find_long(name) == nullptr &&
            !is_refused(invocation->flags(), name)) {
            unknown.push_back(name);
        }
    }
    return unknown;
}

std::string joined(const std::vector<std::string_view>& words) {
    std::string text;
    for (const auto word : words) {
        text += std::string(word) + " ";
    }
    return text;
}

}  // namespace

TEST_CASE("every flag of podman's run and create works or is refused by name") {
    const std::vector<std::string_view> names(kRunFlags.begin(), kRunFlags.end());
    CHECK(joined(unknown_flags("run", names)).empty());
    std::vector<std::string_view> of_create = names;
    for (const auto only_of_run :
         {"attach", "detach", "detach-keys", "sig-proxy", "preserve-fd", "preserve-fds"}) {
        std::erase(of_create, std::string_view(only_of_run));
    }
    CHECK(joined(unknown_flags("create", of_create)).empty());
}

TEST_CASE("no flag is both declared and refused, and each refusal has its reason") {
    for (const std::string_view verb : {"run", "create", "ps", "exec"}) {
        const auto invocation =
            nau::subcommands::commands().find("", verb)->command->make(std::string(verb));
        for (const auto& refused : invocation->flags().refused()) {
            INFO(refused.names);
            CHECK(!refused.reason.empty());
            for (const auto name : nau::split(refused.names, ',')) {
                if (name.starts_with("--")) {
                    CHECK(invocation->flags().find_long(name.substr(2)) == nullptr);
                }
            }
        }
    }
}

TEST_CASE("every flag of podman's other verbs works or is refused by name") {
    for (const auto& [verb, flags] : other_verbs()) {
        const std::string subcommand(verb);
        INFO(subcommand);
        CHECK(joined(unknown_flags(verb, flags)).empty());
    }
}
