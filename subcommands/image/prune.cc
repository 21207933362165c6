#include "engine/store/prune.h"

#include "cli/confirm.h"
#include "cli/context.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/prune_filter.h"

namespace nau::subcommands {

namespace {

struct Options {
    bool is_all = false;
    bool is_forced = false;
    Filters filters;
};

constexpr cli::RefusedFlag kRefused[] = {
    {"--build-cache", "there is none"},
    {"--external", "nau has no containers but its own"},
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Remove content that no image and no container refers to, and partial downloads; with "
        "--all "
        "also the images that no container uses. Print the ids of the removed images.");
    flags.toggle("-a,--all", "Remove all images that no container uses", options.is_all);
    flags.toggle("-f,--force", "Do not ask", options.is_forced);
    declare_prune_filters(flags, options.filters);
    flags.refuse(kRefused);
    flags.example("nau image prune -a --filter until=168h");
}

int run(cli::Context& context, const Options& options) {
    engine::PruneOptions prune;
    prune.images = true;
    prune.all_images = options.is_all;
    prune.filter = prune_filter_of(options.filters, context.now());
    if (!options.is_forced &&
        !cli::confirm(options.is_all ? "This removes all images that no container uses. Go on?"
                                     : "This removes content that no image refers to. Go on?")) {
        return 0;
    }
    for (const auto& id : engine::prune(context.engine(), prune).images) {
        context.out().print("{}\n", id);
    }
    return 0;
}

}  // namespace

constinit const cli::Command image_prune =
    cli::make_command<Options, declare, run>("Remove images that are not used");

}  // namespace nau::subcommands
