#include "subcommands/flags/platform.h"

#include <fmt/core.h>

#include "cli/usage_error.h"
#include "oci/platform.h"

namespace nau::subcommands {

void declare_platform_flags(cli::FlagSet& flags, PlatformFlags& options) {
    flags
        .value("--platform",
               "OS/ARCH[/VARIANT]",
               "Choose the image for this platform",
               options.platform)
        .defaults_to("this machine's");
    flags.value("--arch", "ARCH", "Choose the image for this architecture", options.arch);
    flags.value("--os", "OS", "Choose the image for this operating system", options.os);
    flags.value("--variant", "VARIANT", "Choose the image for this variant", options.variant);
}

std::string platform_of(const PlatformFlags& options, const std::string& command) {
    const bool has_parts = !options.os.empty() || !options.arch.empty() || !options.variant.empty();
    if (!has_parts) {
        return options.platform;
    }
    if (!options.platform.empty()) {
        throw cli::UsageError(command, "--platform and --os, --arch, --variant exclude each other");
    }
    const oci::Platform host = oci::host_platform();
    std::string platform = fmt::format("{}/{}",
                                       options.os.empty() ? host.os : options.os,
                                       options.arch.empty() ? host.architecture : options.arch);
    const std::string variant =
        options.variant.empty() && options.arch.empty() ? host.variant : options.variant;
    if (!variant.empty()) {
        platform += fmt::format("/{}", variant);
    }
    return platform;
}

}  // namespace nau::subcommands
