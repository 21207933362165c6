#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/listing.h"
#include "engine/oci_runtime/observe.h"
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
    flags.description("Print the state of a container as the runtime specification has it.");
    runtime::declare_globals(flags, options.globals);
    flags.argument("ID", options.id);
    flags.example("nau runtime state web");
}

int run(cli::Context& context, const Options& options) {
    return runtime::run_verb(options.globals, [&] {
        cli::print_json(context.out(),
                        oci_runtime::query_state(runtime::state_root(options.globals), options.id));
        return 0;
    });
}

}  // namespace

constinit const cli::Command runtime_state =
    cli::make_command<Options, declare, run>("Print the state of a container");

}  // namespace nau::subcommands
