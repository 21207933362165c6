#include <cerrno>

#include "base/error.h"
#include "cli/context.h"
#include "cli/output.h"
#include "engine/container/copy_files.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::CopyOptions copy;
    std::string source;
    std::string target;
    bool is_quiet = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Copy files between the host and a container, which need not run, or between two "
        "containers. Links in a container lead to where they lead inside it.");
    flags
        .toggle("-a,--archive",
                "Give the copies to the container's user, or on the host to the caller",
                options.copy.changes_owner)
        .explain("As in podman; --archive=false keeps the owners by number.");
    flags.toggle("-L,--follow-link",
                 "If the source is a link, copy what it leads to",
                 options.copy.follows_link);
    flags.toggle("--overwrite",
                 "Let a file replace a directory, and a directory a file",
                 options.copy.overwrites);
    flags.toggle("-q,--quiet", "Say nothing: nau cp never does", options.is_quiet);
    flags.usage("[CONTAINER:]SOURCE [CONTAINER:]TARGET");
    flags.argument("SOURCE", options.source).completes(cli::Complete::file);
    flags.argument("TARGET", options.target).completes(cli::Complete::file);
    flags.example("nau cp site.conf web:/etc/nginx/");
    flags.example("nau cp web:/var/log/. ./logs");
    flags.example("nau cp web:/etc - | tar t");
}

int run(cli::Context& context, const Options& options) {
    const auto source = engine::parse_copy_place(options.source);
    const auto target = engine::parse_copy_place(options.target);
    try {
        engine::copy_files(context.engine(), source, target, options.copy);
    } catch (const SysError& error) {
        if (target.is_stream && error.error() == EPIPE) {
            throw cli::OutputClosed();
        }
        throw;
    }
    return 0;
}

}  // namespace

constinit const cli::Command cp =
    cli::make_command<Options, declare, run>("Copy files between containers and the host");

}  // namespace nau::subcommands
