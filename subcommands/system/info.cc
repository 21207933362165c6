#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/context.h"
#include "cli/listing.h"
#include "engine/container/containers.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string format;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Print what nau knows of the machine and of its store.");
    flags.value(
        "-f,--format", "TEMPLATE", "Print json, or what a Go template says", options.format);
}

int run(cli::Context& context, const Options& options) {
    nlohmann::json info = engine::system_info(context.engine());
    info["version"] = {{"Version", cli::program_version()}};
    if (options.format.empty()) {
        context.out().write(cli::outline(info));
    } else {
        cli::print_object(context.out(), options.format, info);
    }
    return 0;
}

}  // namespace

constinit const cli::Command info =
    cli::make_command<Options, declare, run>("Print what nau knows of the machine and its store");

}  // namespace nau::subcommands
