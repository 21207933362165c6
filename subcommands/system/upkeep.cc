#include "engine/store/upkeep.h"

#include "cli/context.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {};

void declare(cli::FlagSet& flags, Options& /*options*/) {
    flags.description(
        "What a command starts when it leaves work behind that nobody should wait for: making "
        "unpacked layers durable, collecting garbage, emptying the trash.");
}

int run(cli::Context& context, const Options& /*options*/) {
    engine::run_upkeep(context.engine());
    return 0;
}

}  // namespace

constinit const cli::Command upkeep =
    cli::make_command<Options, declare, run>("Do the store's housekeeping");

}  // namespace nau::subcommands
