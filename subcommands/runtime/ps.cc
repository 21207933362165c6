#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/listing.h"
#include "engine/oci_runtime/observe.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands {

namespace {

struct Options {
    runtime::Globals globals;
    std::string id;
    std::vector<std::string> arguments;
    std::string format = "table";
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "List the processes of a container: as the program 'ps' of the host shows them, or their "
        "pids as a JSON list.");
    flags.value("-f,--format", "FORMAT", "Print a table or json", options.format)
        .defaults_to("table")
        .one_of({"table", "json"});
    runtime::declare_globals(flags, options.globals);
    flags.usage("ID [PS-OPTION...]");
    flags.argument("ID", options.id);
    flags.arguments("PS-OPTION", options.arguments).optional();
    flags.stop_at_first_argument();
    flags.example("nau runtime ps --format json web");
}

int run(cli::Context& context, const Options& options) {
    return runtime::run_verb(options.globals, [&] {
        const std::vector<int> pids =
            engine::oci_runtime::list_processes(runtime::state_root(options.globals), options.id);
        if (options.format == "json") {
            cli::print_json(context.out(), pids);
        } else {
            context.out().write(engine::oci_runtime::run_ps(pids, options.arguments));
        }
        return 0;
    });
}

}  // namespace

constinit const cli::Command runtime_ps =
    cli::make_command<Options, declare, run>("List the processes of a container");

}  // namespace nau::subcommands
