#include <cerrno>

#include "base/error.h"
#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/usage_error.h"
#include "engine/container/export_container.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string container;
    std::string output;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Write the root file system of a container as a tar, without its volumes and mounts. 'nau "
        "import' makes an image of it.");
    flags
        .value(
            "-o,--output", "FILE", "Write to this file instead of standard output", options.output)
        .completes(cli::Complete::file);
    flags.argument("CONTAINER", options.container).completes(cli::Complete::container);
    flags.example("nau export web | tar -tv");
}

int run(cli::Context& context, const Options& options) {
    const std::string output = options.output.empty() ? "-" : options.output;
    if (output == "-" && context.out().is_terminal()) {
        throw cli::UsageError("nau export",
                              "a tar is not for a terminal: redirect it, or name a file with -o");
    }
    std::stop_source stop;
    const cli::InterruptWatch watch(stop);
    try {
        engine::export_container(context.engine(), options.container, output, stop.get_token());
    } catch (const SysError& error) {
        if (output == "-" && error.error() == EPIPE) {
            throw cli::OutputClosed();
        }
        throw;
    }
    return 0;
}

}  // namespace

// `export` is a word of the language.
constinit const cli::Command export_command =
    cli::make_command<Options, declare, run>("Write a container's files as a tar");

}  // namespace nau::subcommands
