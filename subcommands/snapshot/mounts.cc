#include <fmt/format.h>

#include "cli/context.h"
#include "engine/store/snapshots.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string key;
    std::string target = "/mnt";
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Print the command that would mount a snapshot. Nothing is mounted. Who mounts what a "
        "running "
        "container writes to should do so read-only.");
    flags.argument("KEY", options.key);
    flags.argument("TARGET", options.target).optional();
    flags.example("nau snapshot mounts 4f5b2a /mnt");
}

/// A word for a shell.
std::string quoted(const std::string& word) {
    if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_-./:=,@%+") == std::string::npos) {
        return word;
    }
    std::string text = "'";
    for (const char c : word) {
        text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return text + "'";
}

int run(cli::Context& context, const Options& options) {
    const auto mount = engine::snapshot_mount(context.engine(), options.key);
    context.out().print("mount -t {} {} {} -o {}\n",
                        mount.type,
                        quoted(mount.source),
                        quoted(options.target),
                        quoted(fmt::format("{}", fmt::join(mount.options, ","))));
    return 0;
}

}  // namespace

constinit const cli::Command snapshot_mounts =
    cli::make_command<Options, declare, run>("Print how a snapshot would be mounted");

}  // namespace nau::subcommands
