#include <unistd.h>

#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/pull_display.h"
#include "engine/image/pull_image.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/platform.h"
#include "subcommands/flags/registry.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> references;
    engine::PullOptions pull;
    PlatformFlags platform;
    bool is_quiet = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Fetch an image without unpacking it, and print the digest of its manifest. Whoever runs "
        "it first unpacks it, without the registry.");
    declare_platform_flags(flags, options.platform);
    flags.toggle("-q,--quiet", "Print the digest only", options.is_quiet);
    declare_registry_flags(flags, options.pull.registry);
    declare_retry_flags(flags, options.pull.registry);
    flags.arguments("IMAGE", options.references).completes(cli::Complete::image);
    flags.example("nau content fetch alpine:3.20");
}

int run(cli::Context& context, const Options& options) {
    cli::PullDisplay display(STDERR_FILENO,
                             cli::PullDisplay::style_for(STDERR_FILENO, options.is_quiet));
    return cli::for_each_object(
        context,
        options.references,
        [&](const std::string& reference) {
            engine::PullOptions pull = options.pull;
            pull.reference = reference;
            pull.platform = platform_of(options.platform, "nau content fetch");
            pull.unpacks = false;
            const auto result =
                engine::pull_image(context.engine(), pull, &display, display.stop_token());
            context.out().print("{}\n", result.manifest_digest);
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command content_fetch =
    cli::make_command<Options, declare, run>("Fetch an image without unpacking it");

}  // namespace nau::subcommands
