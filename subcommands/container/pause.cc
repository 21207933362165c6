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

void declare_common(cli::FlagSet& flags, Options& options) {
    declare_id_files(flags, options.selection);
    declare_selection_filters(flags, options.selection, "-f,--filter");
    declare_selection(flags, options.selection, cli::Complete::running_container);
}

void declare_pause(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Freeze all processes of running containers. They keep their memory and get no processor.");
    declare_all(flags, options.selection, "Pause all running containers");
    declare_common(flags, options);
}

void declare_unpause(cli::FlagSet& flags, Options& options) {
    flags.description("Let the processes of paused containers go on.");
    declare_all(flags, options.selection, "Unpause all paused containers");
    declare_common(flags, options);
}

int run_pause(cli::Context& context, const Options& options) {
    return cli::for_each_object(
        context,
        selected_containers(context, options.selection, "nau pause", AllOf::pausable),
        [&](const std::string& name) {
            engine::pause_container(context.engine(), name);
            context.out().print("{}\n", name);
        },
        cli::exit_code_of);
}

int run_unpause(cli::Context& context, const Options& options) {
    return cli::for_each_object(
        context,
        selected_containers(context, options.selection, "nau unpause", AllOf::paused),
        [&](const std::string& name) {
            engine::unpause_container(context.engine(), name);
            context.out().print("{}\n", name);
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command pause =
    cli::make_command<Options, declare_pause, run_pause>("Freeze one or more containers");
constinit const cli::Command unpause =
    cli::make_command<Options, declare_unpause, run_unpause>("Let paused containers go on");

}  // namespace nau::subcommands
