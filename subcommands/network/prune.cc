#include "cli/confirm.h"
#include "cli/context.h"
#include "engine/network/networks.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/filters.h"

namespace nau::subcommands {

namespace {

struct Options {
    bool is_forced = false;
    Filters filters;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Remove all networks that no container uses, running or not, but the default one.");
    flags.toggle("-f,--force", "Do not ask", options.is_forced);
    declare_filters(
        flags, "--filter", "Remove only those with KEY=VALUE, such as label=KEY", options.filters);
}

int run(cli::Context& context, const Options& options) {
    if (!options.is_forced && !cli::confirm("This removes all networks that no container uses. "
                                            "Go on?")) {
        return 0;
    }
    for (const auto& name : engine::prune_networks(context.engine(), options.filters)) {
        context.out().print("{}\n", name);
    }
    return 0;
}

}  // namespace

constinit const cli::Command network_prune =
    cli::make_command<Options, declare, run>("Remove all networks that no container uses");

}  // namespace nau::subcommands
