// What podman or docker take and nau does not have yet: named, so that nobody's flag is lost in
// silence.

#include <array>

#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

using cli::RefusedFlag;

constexpr std::string_view kHealth = "nau inspect shows the results";
constexpr std::string_view kPasswd = "the container's /etc/passwd is the image's own";
constexpr std::string_view kWindows = "it belongs to another operating system";

constexpr std::array kRefused = {
    RefusedFlag{"--link-local-ip", "use --ip"},
    RefusedFlag{"--health-log-destination", kHealth},
    RefusedFlag{"--hostuser", kPasswd},
    RefusedFlag{
        "--gpus",
        "devices of vendors' specifications (CDI) come later; --device gives a device node"},
    RefusedFlag{"--decryption-key", "encrypted images come later"},
    RefusedFlag{"--group-entry", kPasswd},
    RefusedFlag{"--passwd-entry", kPasswd},
    RefusedFlag{"--passwd", kPasswd},
    RefusedFlag{"--init-path", "the init is built in"},
    RefusedFlag{"--pod", "pods come later"},
    RefusedFlag{"--pod-id-file", "pods come later"},
    RefusedFlag{"--rootfs", "it comes later"},
    RefusedFlag{"--shm-size-systemd", "it comes with --systemd"},
    RefusedFlag{"--storage-opt", "it needs quotas of the file system"},
    RefusedFlag{"--systemd", "it comes later"},
    RefusedFlag{"--use-api-socket", "there is no daemon whose socket could be given"},
    RefusedFlag{"--cpu-count", kWindows},
    RefusedFlag{"--cpu-percent", kWindows},
    RefusedFlag{"--io-maxbandwidth", kWindows},
    RefusedFlag{"--io-maxiops", kWindows},
    RefusedFlag{"--isolation", kWindows},
};

}  // namespace

void refuse_unknown_flags(cli::FlagSet& flags) {
    flags.refuse(kRefused);
}

}  // namespace nau::subcommands
