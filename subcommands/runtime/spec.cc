#include "cli/context.h"
#include "engine/oci_runtime/spec_template.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands {

namespace {

struct Options {
    runtime::Globals globals;
    std::string bundle;
    bool is_rootless = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Write a config.json to begin with: a shell in the directory rootfs of the bundle.");
    flags.value("-b,--bundle", "DIR", "Write it there", options.bundle)
        .completes(cli::Complete::directory)
        .defaults_to("the working directory");
    runtime::declare_globals_but_rootless(flags, options.globals);
    flags.toggle("--rootless", "For a user who is not root", options.is_rootless);
    flags.example("nau runtime spec --bundle /srv/web");
}

int run(cli::Context&, const Options& options) {
    return runtime::run_verb(options.globals, [&] {
        using engine::oci_runtime::Rootless;
        engine::oci_runtime::write_spec_template(
            options.bundle, options.is_rootless ? Rootless::yes : Rootless::no);
        return 0;
    });
}

}  // namespace

constinit const cli::Command runtime_spec =
    cli::make_command<Options, declare, run>("Write a config.json to begin with");

}  // namespace nau::subcommands
