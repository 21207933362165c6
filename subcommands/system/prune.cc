#include "engine/store/prune.h"

#include <fmt/core.h>

#include "cli/confirm.h"
#include "cli/context.h"
#include "cli/human.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/prune_filter.h"

namespace nau::subcommands {

namespace {

struct Options {
    bool is_all = false;
    bool is_forced = false;
    bool with_volumes = false;
    Filters filters;
};

constexpr cli::RefusedFlag kRefused[] = {
    {"--build", "there is no build cache"},
    {"--external", "'nau fsck' finds what is left over"},
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Remove all containers that do not run, content that nothing refers to, and partial "
        "downloads. The space is free when the command ends.");
    flags.toggle("-a,--all", "Remove the images that no container uses as well", options.is_all);
    flags.toggle("-f,--force", "Do not ask", options.is_forced);
    flags.toggle("--volumes",
                 "Remove the volumes without name that no container uses as well",
                 options.with_volumes);
    declare_prune_filters(flags, options.filters);
    flags.refuse(kRefused);
    flags.example("nau system prune -a --volumes -f");
}

bool confirm(const Options& options) {
    std::string question = "WARNING! This command removes:\n\t- all stopped containers\n";
    if (options.with_volumes) {
        question += "\t- all anonymous volumes not used by at least one container\n";
    }
    question += options.is_all
                    ? "\t- all images without at least one container associated with them\n"
                    : "\t- all content without an image\n";
    return cli::confirm(question + "Are you sure you want to continue?");
}

void print_list(cli::Context& context,
                std::string_view heading,
                const std::vector<std::string>& names) {
    if (names.empty()) {
        return;
    }
    context.out().print("{}\n", heading);
    for (const auto& name : names) {
        context.out().print("{}\n", name);
    }
}

int run(cli::Context& context, const Options& options) {
    engine::PruneOptions prune;
    prune.containers = true;
    prune.images = true;
    prune.all_images = options.is_all;
    prune.volumes = options.with_volumes;
    prune.filter = prune_filter_of(options.filters, context.now());
    if (!options.is_forced && !confirm(options)) {
        return 0;
    }
    const engine::Pruned pruned = engine::prune(context.engine(), prune);
    print_list(context, "Deleted Containers", pruned.containers);
    print_list(context, "Deleted Volumes", pruned.volumes);
    print_list(context, "Deleted Images", pruned.images);
    context.out().print("Total reclaimed space: {}\n", cli::human_size(pruned.freed_bytes));
    return 0;
}

}  // namespace

constinit const cli::Command system_prune =
    cli::make_command<Options, declare, run>("Remove what is not used");

}  // namespace nau::subcommands
