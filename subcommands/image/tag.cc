#include "cli/context.h"
#include "engine/image/images.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string source;
    std::vector<std::string> names;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Give an image further names. A name that another image has is taken from it.");
    flags.argument("IMAGE", options.source).completes(cli::Complete::image);
    flags.arguments("NAME", options.names);
    flags.example("nau tag alpine:3.20 registry.example.com/base:1");
}

int run(cli::Context& context, const Options& options) {
    for (const std::string& name : options.names) {
        engine::tag_image(context.engine(), options.source, name);
    }
    return 0;
}

}  // namespace

constinit const cli::Command tag =
    cli::make_command<Options, declare, run>("Give an image a further name");

}  // namespace nau::subcommands
