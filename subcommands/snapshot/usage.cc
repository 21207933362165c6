#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/human.h"
#include "engine/store/snapshots.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> keys;
    bool prints_bytes = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Print what snapshots take on the disk, without those they are built upon: size, inodes, "
        "key.");
    flags.toggle("-b,--bytes", "Print sizes in bytes", options.prints_bytes);
    flags.arguments("KEY", options.keys).optional();
}

int run(cli::Context& context, const Options& options) {
    std::vector<std::string> keys = options.keys;
    if (keys.empty()) {
        for (const auto& snapshot : engine::list_snapshots(context.engine())) {
            keys.push_back(snapshot.key);
        }
    }
    return cli::for_each_object(
        context,
        keys,
        [&](const std::string& key) {
            const auto usage = engine::snapshot_usage(context.engine(), key);
            const std::string size = options.prints_bytes ? std::to_string(usage.size_bytes)
                                                          : cli::human_size(usage.size_bytes);
            context.out().print("{:>12} {:>8} {}\n", size, usage.inodes, key);
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command snapshot_usage =
    cli::make_command<Options, declare, run>("Print what snapshots take on the disk");

}  // namespace nau::subcommands
