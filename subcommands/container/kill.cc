#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/container/lifecycle.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    ContainerSelection selection;
    std::string signal = "KILL";
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Send a signal to the first process of running containers.");
    declare_all(flags, options.selection, "Send it to all running containers");
    flags.value("-s,--signal", "SIGNAL", "Signal to send, by name or number", options.signal)
        .defaults_to("KILL");
    declare_id_files(flags, options.selection);
    declare_selection_filters(flags, options.selection, "-f,--filter");
    declare_selection(flags, options.selection, cli::Complete::running_container);
    flags.example("nau kill -s HUP web");
}

int run(cli::Context& context, const Options& options) {
    return cli::for_each_object(
        context,
        selected_containers(context, options.selection, "nau kill", AllOf::running),
        [&](const std::string& name) {
            engine::kill_container(context.engine(), name, options.signal);
            context.out().print("{}\n", name);
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command kill =
    cli::make_command<Options, declare, run>("Send a signal to one or more containers");

}  // namespace nau::subcommands
