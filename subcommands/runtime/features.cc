#include "engine/oci_runtime/features.h"

#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/listing.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands {

namespace {

struct Options {
    runtime::Globals globals;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Print what this runtime can do, in the structure of the runtime specification.");
    runtime::declare_globals(flags, options.globals);
}

int run(cli::Context& context, const Options& options) {
    return runtime::run_verb(options.globals, [&] {
        cli::print_json(context.out(), engine::oci_runtime::features());
        return 0;
    });
}

}  // namespace

constinit const cli::Command runtime_features =
    cli::make_command<Options, declare, run>("Print the features of the runtime");

}  // namespace nau::subcommands
