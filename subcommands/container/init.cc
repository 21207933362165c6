#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/container/lifecycle.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    ContainerSelection selection;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Check that everything is there that containers need to start: their layers, volumes and "
        "host paths. Nothing is kept ready: nau makes it all at the start.");
    declare_all(flags, options.selection, "Check all containers that do not run");
    declare_selection(flags, options.selection, cli::Complete::container);
}

int run(cli::Context& context, const Options& options) {
    return cli::for_each_object(
        context,
        selected_containers(context, options.selection, "nau init", AllOf::startable),
        [&](const std::string& name) {
            engine::init_container(context.engine(), name);
            context.out().print("{}\n", name);
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command init =
    cli::make_command<Options, declare, run>("Check that one or more containers can be started");

}  // namespace nau::subcommands
