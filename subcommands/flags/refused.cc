// What podman or docker take and nau does not have yet: named, so that nobody's flag is lost in
// silence.

#include <array>

#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

using cli::RefusedFlag;

constexpr std::string_view kWindows = "it belongs to another operating system";

constexpr std::array kRefused = {
    RefusedFlag{"--link-local-ip", "use --ip"},
    RefusedFlag{"--decryption-key", "encrypted images come later"},
    RefusedFlag{"--pod", "pods come later"},
    RefusedFlag{"--pod-id-file", "pods come later"},
    RefusedFlag{"--storage-opt",
                "a size needs project quotas of the file system, which nau does not set up"},
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
