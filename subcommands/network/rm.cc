#include "base/error.h"
#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/network/networks.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> names;
    bool is_forced = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Remove networks. The status is 1 when a network does not exist, 2 when a container is in "
        "it.");
    flags.toggle("-f,--force",
                 "Remove the containers that are in it; do not fail for one that does not exist",
                 options.is_forced);
    flags.arguments("NETWORK", options.names);
}

int run(cli::Context& context, const Options& options) {
    return cli::for_each_object(
        context,
        options.names,
        [&](const std::string& name) {
            try {
                context.out().print(
                    "{}\n", engine::remove_network(context.engine(), name, options.is_forced));
            } catch (const Error& error) {
                if (!options.is_forced || error.kind() != ErrorKind::not_found) {
                    throw;
                }
            }
        },
        cli::exit_code_of_removal);
}

}  // namespace

constinit const cli::Command network_rm =
    cli::make_command<Options, declare, run>("Remove one or more networks");

}  // namespace nau::subcommands
