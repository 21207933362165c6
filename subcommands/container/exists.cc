#include "base/error.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "engine/container/containers.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string name;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "End with status 0 if the container exists, 1 if it does not. Print nothing.");
    flags.argument("CONTAINER", options.name).completes(cli::Complete::container);
}

int run(cli::Context& context, const Options& options) {
    try {
        (void)engine::find_container_id(context.engine(), options.name);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) {
            return cli::kNotFound;
        }
        throw;
    }
    return 0;
}

}  // namespace

constinit const cli::Command container_exists =
    cli::make_command<Options, declare, run>("Tell by the exit status whether a container exists");

}  // namespace nau::subcommands
