#include "cli/context.h"
#include "engine/oci_runtime/create_container.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/create_flags.h"

namespace nau::subcommands {

namespace {

struct Options {
    runtime::CreateFlags create;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Make a container of a bundle: everything is set up, and its process waits for 'start'. "
        "Nothing stays behind to watch it.");
    runtime::declare_create(flags, options.create);
    flags.example("nau runtime create --bundle /srv/web --pid-file /run/web.pid web");
}

int run(cli::Context&, const Options& options) {
    return runtime::run_verb(options.create.globals, [&] {
        auto create = runtime::finish_create(options.create);
        create.io.is_detached = true;
        engine::oci_runtime::create_container(create);
        return 0;
    });
}

}  // namespace

constinit const cli::Command runtime_create =
    cli::make_command<Options, declare, run>("Create a container from a bundle");

}  // namespace nau::subcommands
