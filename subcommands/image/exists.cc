#include "cli/context.h"
#include "cli/exit_code.h"
#include "engine/image/images.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string name;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("End with status 0 if the image exists, 1 if it does not. Print nothing.");
    flags.argument("IMAGE", options.name).completes(cli::Complete::image);
}

int run(cli::Context& context, const Options& options) {
    return engine::find_image(context.engine(), options.name) ? 0 : cli::kNotFound;
}

}  // namespace

constinit const cli::Command image_exists =
    cli::make_command<Options, declare, run>("Tell by the exit status whether an image exists");

}  // namespace nau::subcommands
