#include "cli/context.h"
#include "engine/oci_runtime/lifecycle.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands {

namespace {

namespace oci_runtime = engine::oci_runtime;

struct Options {
    runtime::Globals globals;
    std::string id;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Let the processes of a paused container go on.");
    runtime::declare_globals(flags, options.globals);
    flags.argument("ID", options.id);
    flags.example("nau runtime resume web");
}

int run(cli::Context&, const Options& options) {
    return runtime::run_verb(options.globals, [&] {
        oci_runtime::resume_container(runtime::state_root(options.globals), options.id);
        return 0;
    });
}

}  // namespace

constinit const cli::Command runtime_resume =
    cli::make_command<Options, declare, run>("Thaw the processes of a container");

}  // namespace nau::subcommands
