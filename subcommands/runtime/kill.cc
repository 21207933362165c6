#include "cli/context.h"
#include "engine/container/signals.h"
#include "engine/oci_runtime/lifecycle.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands {

namespace {

struct Options {
    runtime::Globals globals;
    std::string id;
    std::string signal = "TERM";
    bool to_all = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Send a signal to the first process of a container.");
    flags.toggle("-a,--all", "Send it to all its processes", options.to_all);
    runtime::declare_globals(flags, options.globals);
    flags.usage("ID [SIGNAL]");
    flags.argument("ID", options.id);
    flags.argument("SIGNAL", options.signal).optional();
    flags.example("nau runtime kill web KILL");
}

int run(cli::Context&, const Options& options) {
    return runtime::run_verb(options.globals, [&] {
        engine::oci_runtime::kill_container(
            runtime::state_root(options.globals),
            options.id,
            {.signal = engine::parse_signal(options.signal), .to_all = options.to_all});
        return 0;
    });
}

}  // namespace

constinit const cli::Command runtime_kill =
    cli::make_command<Options, declare, run>("Send a signal to a container");

}  // namespace nau::subcommands
