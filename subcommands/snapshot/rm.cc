#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/store/snapshots.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> keys;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Remove snapshots that no image, container, lease or other snapshot needs. A beginning of "
        "the "
        "key will do.");
    flags.arguments("KEY", options.keys);
}

int run(cli::Context& context, const Options& options) {
    return cli::for_each_object(
        context,
        options.keys,
        [&](const std::string& key) {
            engine::remove_snapshot(context.engine(), key);
            context.out().print("{}\n", key);
        },
        cli::exit_code_of_removal);
}

}  // namespace

constinit const cli::Command snapshot_rm =
    cli::make_command<Options, declare, run>("Remove snapshots that nothing needs");

}  // namespace nau::subcommands
