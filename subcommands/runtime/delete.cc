#include "cli/context.h"
#include "engine/oci_runtime/delete_container.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands {

namespace {

namespace oci_runtime = engine::oci_runtime;

struct Options {
    runtime::Globals globals;
    std::string id;
    bool is_forced = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Remove what a stopped container has left: its control groups and its state. One that was "
        "created and never started is ended first.");
    flags.toggle(
        "-f,--force", "Kill it first if it runs; one that is gone is no error", options.is_forced);
    runtime::declare_globals(flags, options.globals);
    flags.argument("ID", options.id);
    flags.example("nau runtime delete --force web");
}

int run(cli::Context&, const Options& options) {
    return runtime::run_verb(options.globals, [&] {
        oci_runtime::delete_container(
            runtime::state_root(options.globals),
            options.id,
            options.is_forced ? oci_runtime::Force::yes : oci_runtime::Force::no);
        return 0;
    });
}

}  // namespace

constinit const cli::Command runtime_delete =
    cli::make_command<Options, declare, run>("Delete a container");

}  // namespace nau::subcommands
