#include "cli/context.h"
#include "cli/exit_code.h"
#include "engine/network/networks.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string name;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("End with status 0 if the network exists, 1 if it does not. Print nothing.");
    flags.argument("NETWORK", options.name);
}

int run(cli::Context& context, const Options& options) {
    return engine::network_exists(context.engine(), options.name) ? 0 : cli::kNotFound;
}

}  // namespace

constinit const cli::Command network_exists =
    cli::make_command<Options, declare, run>("Tell by the exit status whether a network exists");

}  // namespace nau::subcommands
