#include "cli/context.h"
#include "engine/container/lifecycle.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string id;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "What the monitor starts when a container has ended and nobody waits for it.");
    flags.argument("ID", options.id);
}

int run(cli::Context& context, const Options& options) {
    engine::cleanup_container(context.engine(), options.id);
    return 0;
}

}  // namespace

constinit const cli::Command cleanup =
    cli::make_command<Options, declare, run>("Clean up after a container that has ended");

}  // namespace nau::subcommands
