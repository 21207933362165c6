#include <array>
#include <unistd.h>

#include "cli/context.h"
#include "cli/pull_display.h"
#include "engine/registry/manifest_list.h"
#include "subcommands/flags/registry.h"
#include "subcommands/manifest/entry_flags.h"
#include "subcommands/registry/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string list;
    engine::ListImages images;
    bool is_amended = false;
};

constexpr std::array kRefused = {
    cli::RefusedFlag{"--artifact", "lists hold images"},
    cli::RefusedFlag{"--artifact-type", "lists hold images"},
    cli::RefusedFlag{"--subject", "lists hold images"},
};

void declare_images(cli::FlagSet& flags, Options& options) {
    flags.toggle("--all", "Add all that an index names", options.images.is_all)
        .explain("Without it the image for this machine is added.");
    declare_registry_flags(flags, options.images.registry);
    flags.refuse(kRefused);
}

void declare_create(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Make a list of images for several platforms, and print its id. An image that is not in "
        "the store is fetched, and so kept, with all its layers.");
    flags.toggle("-a,--amend", "Add to a list that is there", options.is_amended);
    flags.list("--annotation",
               "KEY=VALUE",
               "Annotate the images that are added",
               options.images.entry.annotations);
    declare_images(flags, options);
    flags.argument("LIST", options.list);
    flags.arguments("IMAGE", options.images.images).optional().completes(cli::Complete::image);
    flags.example("nau manifest create app:1.0 app:1.0-amd64 app:1.0-arm64");
}

void declare_add(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Add images to a manifest list, and print its id. docker://NAME is an image of a "
        "registry, also if one of the name is here.");
    declare_entry_flags(flags, options.images.entry);
    declare_images(flags, options);
    flags.argument("LIST", options.list);
    flags.arguments("IMAGE", options.images.images).completes(cli::Complete::image);
    flags.example("nau manifest add --arch arm64 --variant v8 app:1.0 app:1.0-arm64");
}

int run_create(cli::Context& context, const Options& options) {
    cli::PullDisplay display(STDERR_FILENO, cli::PullDisplay::style_for(STDERR_FILENO, false));
    const auto id = engine::create_list(context.engine(),
                                        options.list,
                                        options.is_amended,
                                        options.images,
                                        &display,
                                        display.stop_token());
    context.out().print("{}\n", id.hex());
    return 0;
}

int run_add(cli::Context& context, const Options& options) {
    cli::PullDisplay display(STDERR_FILENO, cli::PullDisplay::style_for(STDERR_FILENO, false));
    const auto id = engine::add_to_list(
        context.engine(), options.list, options.images, &display, display.stop_token());
    context.out().print("{}\n", id.hex());
    return 0;
}

}  // namespace

constinit const cli::Command manifest_create =
    cli::make_command<Options, declare_create, run_create>("Make a manifest list");
constinit const cli::Command manifest_add =
    cli::make_command<Options, declare_add, run_add>("Add images to a manifest list");

}  // namespace nau::subcommands
