#include "cli/context.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "engine/store/create_bundle.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::BundleOptions bundle;
    ProcessFlags process;
    std::vector<std::string> command;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Unpack an image into a directory with a config.json, an OCI bundle that any runtime can "
        "run: "
        "nau runtime, crun, runc. The directory must be new or empty, and is the user's "
        "afterwards.");
    declare_process_flags(flags, options.process);
    flags
        .parsed("--network",
                "MODE",
                "none: a network of its own without a way out; host: the host's",
                [&options](std::string_view text) {
                    options.bundle.create.network.mode = std::string(text);
                })
        .defaults_to("none")
        .one_of({"none", "host"});
    flags.toggle(
        "--read-only", "Let the root file system be read-only", options.bundle.create.is_read_only);
    flags.toggle("--privileged",
                 "Give the container all rights",
                 options.bundle.create.security.is_privileged);
    flags.stop_at_first_argument();
    flags.argument("IMAGE", options.bundle.create.image).completes(cli::Complete::image);
    flags.argument("DIR", options.bundle.directory).completes(cli::Complete::directory);
    flags.arguments("COMMAND", options.command).optional();
    flags.usage("IMAGE DIR [COMMAND [ARG...]]");
    flags.example("nau bundle create alpine:3.20 b sleep 10 && runc run -b b c1");
}

int run(cli::Context& context, const Options& options) {
    engine::BundleOptions bundle = options.bundle;
    bundle.create.process = finish_process(context, options.process);
    bundle.create.process.command = options.command;
    bundle.directory = cli::absolute_path(bundle.directory);
    std::stop_source stop;
    const cli::InterruptWatch watch(stop);
    engine::create_bundle(context.engine(), bundle, stop.get_token());
    return 0;
}

}  // namespace

constinit const cli::Command bundle_create =
    cli::make_command<Options, declare, run>("Unpack an image into an OCI bundle");

}  // namespace nau::subcommands
