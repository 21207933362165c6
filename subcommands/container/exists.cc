#include "cli/context.h"
#include "cli/exit_code.h"
#include "engine/container/containers.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string name;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "End with status 0 if the container exists, 1 if it does not. Print nothing.");
    flags.argument("CONTAINER", options.name).completes(cli::Complete::container);
}

int run(cli::Context& context, const Options& options) {
    return engine::container_exists(context.engine(), options.name) ? 0 : cli::kNotFound;
}

}  // namespace

constinit const cli::Command container_exists =
    cli::make_command<Options, declare, run>("Tell by the exit status whether a container exists");

}  // namespace nau::subcommands
