#include "base/error.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/container/containers.h"
#include "engine/container/lifecycle.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    ContainerSelection selection;
    engine::StopOptions stop;
    bool ignores_missing = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Ask the first process of containers to end, and kill it if it has not ended after a time. "
        "A container that does not run is left as it is.");
    declare_all(flags, options.selection, "Stop all running containers");
    flags.toggle(
        "-i,--ignore", "Do not fail for a container that does not exist", options.ignores_missing);
    flags
        .value("-t,--time",
               "SECONDS",
               "Wait so long before killing; 0 kills at once",
               options.stop.timeout)
        .defaults_to("the container's own");
    flags.value("--timeout", "SECONDS", "The same as --time", options.stop.timeout).hidden();
    flags.value("-s,--signal", "SIGNAL", "Send this signal first", options.stop.signal)
        .defaults_to("the container's own");
    declare_id_files(flags, options.selection);
    declare_selection_filters(flags, options.selection, "-f,--filter");
    declare_selection(flags, options.selection, cli::Complete::running_container);
}

int run(cli::Context& context, const Options& options) {
    ContainerSelection selection = options.selection;
    selection.ignores_missing_files = options.ignores_missing;
    return cli::for_each_object(
        context,
        selected_containers(context, selection, "nau stop", AllOf::running),
        [&](const std::string& name) {
            try {
                engine::stop_container(context.engine(), name, options.stop);
            } catch (const Error& error) {
                if (!options.ignores_missing || error.kind() != ErrorKind::not_found ||
                    engine::container_exists(context.engine(), name)) {
                    throw;
                }
                return;
            }
            context.out().print("{}\n", name);
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command stop =
    cli::make_command<Options, declare, run>("Stop one or more containers");

}  // namespace nau::subcommands
