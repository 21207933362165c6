#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/service.h"
#include "cli/usage_error.h"
#include "engine/container/run_container.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

struct Options {
    ContainerSelection selection;
    engine::AttachOptions attach;
    bool is_attached = false;
    bool has_input = false;
    std::string notify_mode;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Start containers that were created or have ended. One that runs is left as it is.");
    flags.toggle("-a,--attach",
                 "Connect output and errors, and end with the container's status",
                 options.is_attached);
    flags.toggle("-i,--interactive", "Connect standard input as well", options.has_input);
    flags
        .value("--sdnotify",
               "WHO",
               "Tell the service manager that the container is ready as run --sdnotify does, "
               "instead of "
               "as it was created",
               options.notify_mode)
        .one_of({"container", "conmon", "healthy", "ignore"});
    declare_detach_keys(flags, options.attach.detach_keys);
    declare_signal_proxy(flags, options.attach.forwards_signals);
    flags.toggle("--all", "Start all containers that do not run", options.selection.is_all);
    declare_selection_filters(flags, options.selection, "-f,--filter");
    declare_selection(flags, options.selection, cli::Complete::container);
}

engine::ServiceManager service_manager(const cli::Context& context, const Options& options) {
    engine::ServiceManager manager = cli::caller_service_manager(context);
    manager.notify_mode = options.notify_mode;
    return manager;
}

int start_attached(cli::Context& context, const Options& options, const std::string& name) {
    engine::AttachOptions attach = options.attach;
    attach.has_stdin = options.has_input;
    const auto status =
        engine::start_container(context.engine(), name, attach, service_manager(context, options));
    return status ? cli::exit_code_of(*status) : 0;
}

int run(cli::Context& context, const Options& options) {
    const auto names =
        selected_containers(context, options.selection, "nau start", AllOf::startable);
    if (options.is_attached || options.has_input) {
        if (names.size() != 1) {
            throw cli::UsageError(
                "nau start", "--attach takes one container, not {}", names.size());
        }
        return start_attached(context, options, names.front());
    }
    return cli::for_each_object(
        context,
        names,
        [&](const std::string& name) {
            (void)engine::start_container(
                context.engine(), name, std::nullopt, service_manager(context, options));
            context.out().print("{}\n", name);
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command start =
    cli::make_command<Options, declare, run>("Start one or more containers");

}  // namespace nau::subcommands
