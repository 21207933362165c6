#include <array>
#include <unistd.h>

#include "cli/context.h"
#include "cli/files.h"
#include "cli/pull_display.h"
#include "cli/usage_error.h"
#include "engine/image/load_image.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::LoadOptions load;
    bool is_quiet = false;
};

constexpr std::array kRefused = {cli::RefusedFlag{"--signature-policy", ""}};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Read images from an archive or a directory that nau, podman, docker, skopeo, umoci or "
        "BuildKit wrote: docker-archive, oci-archive, OCI layout or dir:, plain or compressed with "
        "gzip or zstd. Every digest in it is checked.");
    flags
        .value("-i,--input",
               "PATH",
               "Read this file or directory instead of standard input",
               options.load.input)
        .completes(cli::Complete::file);
    flags
        .value("--platform",
               "OS/ARCH[/VARIANT]",
               "Choose the image for this platform where the archive has several",
               options.load.platform)
        .defaults_to("this machine's");
    flags.toggle("-q,--quiet", "Print nothing but what was loaded", options.is_quiet);
    flags.refuse(kRefused);
    flags.example("nau load -i images.tar");
}

int run(cli::Context& context, const Options& options) {
    engine::LoadOptions load = options.load;
    if (load.input.empty()) {
        load.input = "-";
    }
    if (load.input == "-" && cli::stdin_is_terminal()) {
        throw cli::UsageError("nau load",
                              "standard input is a terminal: redirect it, or name a file with -i");
    }
    cli::PullDisplay display(STDERR_FILENO,
                             cli::PullDisplay::style_for(STDERR_FILENO, options.is_quiet));
    for (const auto& image :
         engine::load_images(context.engine(), load, &display, display.stop_token())) {
        if (image.names.empty()) {
            context.out().print("Loaded image: {}\n", image.image_id);
        }
        for (const auto& name : image.names) {
            context.out().print("Loaded image: {}\n", name);
        }
    }
    return 0;
}

}  // namespace

constinit const cli::Command load =
    cli::make_command<Options, declare, run>("Read images from an archive");

}  // namespace nau::subcommands
