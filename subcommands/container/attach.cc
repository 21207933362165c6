#include "cli/exit_code.h"
#include "engine/container/run_container.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string name;
    bool is_latest = false;
    bool has_no_input = false;
    engine::AttachOptions attach;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Connect to the output, errors and input of a running container until it ends, or until "
        "the detach keys are pressed. The status is the container's.");
    declare_detach_keys(flags, options.attach.detach_keys);
    flags.toggle("--no-stdin", "Do not connect standard input", options.has_no_input);
    declare_signal_proxy(flags, options.attach.forwards_signals);
    flags.toggle("-l,--latest", "Take the container that was created last", options.is_latest);
    flags.argument("CONTAINER", options.name)
        .optional()
        .completes(cli::Complete::running_container);
    flags.usage("CONTAINER");
}

int run(cli::Context& context, const Options& options) {
    engine::AttachOptions attach = options.attach;
    attach.has_stdin = !options.has_no_input;
    const std::string name =
        selected_container(context, options.name, options.is_latest, "nau attach");
    return cli::exit_code_of(engine::attach_container(context.engine(), name, attach));
}

}  // namespace

constinit const cli::Command attach =
    cli::make_command<Options, declare, run>("Connect to a running container");

}  // namespace nau::subcommands
