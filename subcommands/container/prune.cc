#include "engine/store/prune.h"

#include "cli/confirm.h"
#include "cli/context.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/prune_filter.h"

namespace nau::subcommands {

namespace {

struct Options {
    bool is_forced = false;
    Filters filters;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Remove all containers that do not run, and print their ids.");
    flags.toggle("-f,--force", "Do not ask", options.is_forced);
    declare_prune_filters(flags, options.filters);
}

int run(cli::Context& context, const Options& options) {
    engine::PruneOptions prune;
    prune.containers = true;
    prune.filter = prune_filter_of(options.filters, context.now());
    if (!options.is_forced &&
        !cli::confirm("This removes all containers that do not run. Go on?")) {
        return 0;
    }
    for (const auto& id : engine::prune(context.engine(), prune).containers) {
        context.out().print("{}\n", id);
    }
    return 0;
}

}  // namespace

constinit const cli::Command container_prune =
    cli::make_command<Options, declare, run>("Remove all containers that do not run");

}  // namespace nau::subcommands
