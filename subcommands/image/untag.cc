#include "cli/context.h"
#include "engine/image/images.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string image;
    std::vector<std::string> names;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Take names from an image, all of them if none is given. The image stays, also without a "
        "name; 'nau rmi' removes it.");
    flags.argument("IMAGE", options.image).completes(cli::Complete::image);
    flags.arguments("NAME", options.names).optional();
    flags.example("nau untag alpine:3.20");
}

int run(cli::Context& context, const Options& options) {
    engine::untag_image(context.engine(), options.image, options.names);
    return 0;
}

}  // namespace

constinit const cli::Command untag =
    cli::make_command<Options, declare, run>("Take names from an image");

}  // namespace nau::subcommands
