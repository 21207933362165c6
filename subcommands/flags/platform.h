#pragma once

// Which of an image's platforms is meant: --platform, or its parts as podman has them.

#include <string>

#include "cli/flag_set.h"

namespace nau::subcommands {

struct PlatformFlags {
    std::string platform;
    std::string os;
    std::string arch;
    std::string variant;
};

void declare_platform_flags(cli::FlagSet& flags, PlatformFlags& options);

/// "os/arch[/variant]"; empty: this machine's. `command` is for errors.
/// @throws UsageError when --platform stands together with its parts
std::string platform_of(const PlatformFlags& options, const std::string& command);

}  // namespace nau::subcommands
