#include "base/parse.h"
#include "cli/context.h"
#include "cli/human.h"
#include "engine/store/prune.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::CollectGarbageOptions collect;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Remove content that nothing refers to. With --keep, remove images that no container uses "
        "as "
        "well, the least recently used first, until the whole store takes no more than so much.");
    flags
        .parsed("--keep",
                "SIZE",
                "Remove unused images until the store takes no more than this",
                [&options](std::string_view text) {
                    options.collect.keep_bytes = parse_size_bytes(text);
                })
        .explain("A number with b, k, m, g or t behind it: powers of 1024.");
    flags.example("nau gc --keep 20g");
}

int run(cli::Context& context, const Options& options) {
    const engine::Pruned pruned = engine::collect_garbage(context.engine(), options.collect);
    for (const auto& name : pruned.untagged) {
        context.out().print("Untagged: {}\n", name);
    }
    for (const auto& id : pruned.images) {
        context.out().print("Deleted: {}\n", id);
    }
    context.out().print("Total reclaimed space: {}\n", cli::human_size(pruned.freed_bytes));
    return 0;
}

}  // namespace

constinit const cli::Command gc =
    cli::make_command<Options, declare, run>("Remove unused content, down to a size");

}  // namespace nau::subcommands
