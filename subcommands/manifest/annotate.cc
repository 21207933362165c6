#include "base/parse.h"
#include "cli/context.h"
#include "cli/usage_error.h"
#include "engine/registry/manifest_list.h"
#include "subcommands/manifest/entry_flags.h"
#include "subcommands/registry/declarations.h"

namespace nau::subcommands {

void declare_entry_flags(cli::FlagSet& flags, engine::ListEntryOptions& entry) {
    flags.list("--annotation", "KEY=VALUE", "Annotate the image", entry.annotations);
    flags.value("--arch", "ARCH", "Its architecture, other than it says itself", entry.arch);
    flags.value("--os", "OS", "Its operating system", entry.os);
    flags.value("--os-version", "VERSION", "The version of its operating system", entry.os_version);
    flags
        .parsed("--os-features",
                "LIST",
                "What it needs of its operating system, separated by commas",
                [&entry](std::string_view text) {
                    for (const auto word : split(text, ',')) {
                        entry.os_features.emplace_back(word);
                    }
                })
        .repeatable();
    flags.value("--variant", "VARIANT", "The variant of its architecture", entry.variant);
}

namespace {

struct AnnotateOptions {
    std::string list;
    std::string image;
    engine::ListEntryOptions entry;
    bool is_of_list = false;
};

void declare_annotate(cli::FlagSet& flags, AnnotateOptions& options) {
    flags.description(
        "Change what a manifest list says of one of its images, and print its new id. IMAGE is a "
        "digest in the list, or an image of the store.");
    declare_entry_flags(flags, options.entry);
    flags.toggle("--index", "Annotate the list itself", options.is_of_list);
    flags.argument("LIST", options.list).completes(cli::Complete::image);
    flags.argument("IMAGE", options.image).optional().completes(cli::Complete::image);
    flags.example("nau manifest annotate --os-version 10.0.1 app:1.0 app:1.0-windows");
}

int run_annotate(cli::Context& context, const AnnotateOptions& options) {
    if (options.is_of_list && !options.image.empty()) {
        throw cli::UsageError("nau manifest annotate", "--index goes without an image");
    }
    if (!options.is_of_list && options.image.empty()) {
        throw cli::UsageError("nau manifest annotate", "IMAGE is missing (or --index)");
    }
    const auto id =
        engine::annotate_list(context.engine(), options.list, options.image, options.entry);
    context.out().print("{}\n", id.hex());
    return 0;
}

struct RemoveOptions {
    std::string list;
    std::vector<std::string> digests;
};

void declare_remove(cli::FlagSet& flags, RemoveOptions& options) {
    flags.description(
        "Take images out of a manifest list, and print its new id. They are named by digest, or "
        "as images of the store.");
    flags.argument("LIST", options.list).completes(cli::Complete::image);
    flags.arguments("DIGEST", options.digests);
    flags.example("nau manifest remove app:1.0 app:1.0-arm64");
}

int run_remove(cli::Context& context, const RemoveOptions& options) {
    const auto id = engine::remove_from_list(context.engine(), options.list, options.digests);
    context.out().print("{}\n", id.hex());
    return 0;
}

}  // namespace

constinit const cli::Command manifest_annotate =
    cli::make_command<AnnotateOptions, declare_annotate, run_annotate>(
        "Change what a manifest list says of an image");
constinit const cli::Command manifest_remove =
    cli::make_command<RemoveOptions, declare_remove, run_remove>(
        "Take images out of a manifest list");

}  // namespace nau::subcommands
