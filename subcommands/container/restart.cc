#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/container/lifecycle.h"
#include "engine/container/run_container.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    ContainerSelection selection;
    engine::StopOptions stop;
    bool only_running = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Stop containers if they run, and start them.");
    declare_all(flags, options.selection, "Restart all containers");
    flags.toggle("--running", "Restart the running containers only", options.only_running);
    flags
        .value("-t,--time",
               "SECONDS",
               "Wait so long before killing; 0 kills at once",
               options.stop.timeout)
        .defaults_to("the container's own");
    flags.value("--timeout", "SECONDS", "The same as --time", options.stop.timeout).hidden();
    declare_id_files(flags, options.selection);
    declare_selection_filters(flags, options.selection, "-f,--filter");
    declare_selection(flags, options.selection, cli::Complete::container);
}

int run(cli::Context& context, const Options& options) {
    ContainerSelection selection = options.selection;
    selection.is_all = selection.is_all ||
                       (options.only_running && selection.names.empty() && !selection.is_latest);
    return cli::for_each_object(
        context,
        selected_containers(
            context, selection, "nau restart", options.only_running ? AllOf::running : AllOf::any),
        [&](const std::string& name) {
            engine::stop_container(context.engine(), name, options.stop);
            (void)engine::start_container(context.engine(), name, std::nullopt);
            context.out().print("{}\n", name);
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command restart =
    cli::make_command<Options, declare, run>("Restart one or more containers");

}  // namespace nau::subcommands
