#include "cli/context.h"
#include "engine/oci_runtime/create_container.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/create_flags.h"

namespace nau::subcommands {

namespace {

struct Options {
    runtime::CreateFlags create;
    bool is_detached = false;
    bool keeps_container = false;
    bool no_subreaper = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Create a container from a bundle, start it, and end as its process does; then the "
        "container is deleted.");
    runtime::declare_create(flags, options.create);
    flags.toggle("-d,--detach", "Leave when the process runs", options.is_detached);
    flags.toggle("--keep", "Keep the container when it has ended", options.keeps_container);
    flags.toggle("--no-subreaper",
                 "Leave processes that outlive the container to init",
                 options.no_subreaper);
    flags.example("nau runtime run --bundle /srv/job job1");
}

int run(cli::Context&, const Options& options) {
    return runtime::run_verb(options.create.globals, [&] {
        engine::oci_runtime::RunOptions run_options;
        run_options.create = runtime::finish_create(options.create);
        run_options.create.io.is_detached = options.is_detached;
        run_options.keeps_container = options.keeps_container;
        run_options.is_subreaper = !options.no_subreaper;
        return engine::oci_runtime::run_container(run_options);
    });
}

}  // namespace

constinit const cli::Command runtime_run =
    cli::make_command<Options, declare, run>("Create and start a container from a bundle");

}  // namespace nau::subcommands
