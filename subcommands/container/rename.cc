#include "cli/context.h"
#include "engine/container/lifecycle.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string container;
    std::string name;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Give a container another name. It may run meanwhile.");
    flags.argument("CONTAINER", options.container).completes(cli::Complete::container);
    flags.argument("NAME", options.name);
}

int run(cli::Context& context, const Options& options) {
    engine::rename_container(context.engine(), options.container, options.name);
    return 0;
}

}  // namespace

constinit const cli::Command rename =
    cli::make_command<Options, declare, run>("Give a container another name");

}  // namespace nau::subcommands
