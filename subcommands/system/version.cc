#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/context.h"
#include "cli/listing.h"
#include "oci/platform.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string format;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Print the version of nau and of the specifications it follows.");
    flags.value("-f,--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain(
            "There is no server: .Server holds the same as .Client, for scripts written for "
            "docker.");
    flags.example("nau version --format '{{.Client.Version}}'");
}

nlohmann::json version_object() {
    // What runs here, not the best variant this processor could run.
    const oci::Platform host = oci::host_platform();
    return {{"Version", cli::program_version()},
            {"RuntimeSpec", "1.2.0"},
            {"ImageSpec", "1.1.0"},
            {"DistributionSpec", "1.1.0"},
            {"Os", host.os},
            {"Arch", host.architecture},
            {"OsArch", host.os + "/" + host.architecture}};
}

int run(cli::Context& context, const Options& options) {
    const nlohmann::json client = version_object();
    if (options.format.empty()) {
        constexpr const char* kLine = "{:<19}{}\n";
        auto& out = context.out();
        out.print(kLine, "Client:", "nau");
        out.print(kLine, "Version:", cli::program_version());
        out.print(kLine, "Runtime Spec:", client["RuntimeSpec"].get<std::string>());
        out.print(kLine, "Image Spec:", client["ImageSpec"].get<std::string>());
        out.print(kLine, "Distribution Spec:", client["DistributionSpec"].get<std::string>());
        out.print(kLine, "OS/Arch:", client["OsArch"].get<std::string>());
        return 0;
    }
    const nlohmann::json versions = {{"Client", client}, {"Server", client}};
    cli::print_object(context.out(), options.format, versions);
    return 0;
}

}  // namespace

constinit const cli::Command version =
    cli::make_command<Options, declare, run>("Print the version of nau");

}  // namespace nau::subcommands
