#include "cli/context.h"
#include "cli/human.h"
#include "engine/image/image_history.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

constexpr size_t kShortId = 12;

struct Options {
    std::string image;
    bool is_whole = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Show the layers of an image from the bottom to the top, with their sizes and the images "
        "of "
        "which each is the top layer.");
    flags.toggle("--no-trunc", "Do not shorten ids", options.is_whole);
    flags.argument("IMAGE", options.image).completes(cli::Complete::image);
    flags.example("nau image tree alpine:3.20");
}

std::string list_of(const std::vector<std::string>& names) {
    std::string text = "[";
    for (const auto& name : names) {
        text += (text.size() > 1 ? ", " : "") + name;
    }
    return text + "]";
}

int run(cli::Context& context, const Options& options) {
    const auto tree = engine::image_tree(context.engine(), options.image);
    const auto shown = [&](const std::string& id) {
        return options.is_whole ? "sha256:" + id : id.substr(0, kShortId);
    };
    context.out().print("Image ID: {}\nTags:     {}\nSize:     {}\n",
                        shown(tree.id),
                        list_of(tree.tags),
                        cli::human_size(tree.size_bytes));
    context.out().write(tree.layers.empty() ? "No Image Layers\n" : "Image Layers\n");
    for (size_t i = 0; i < tree.layers.size(); ++i) {
        const auto& layer = tree.layers[i];
        const bool is_last = i + 1 == tree.layers.size();
        context.out().print("{} ID: {} Size: {:>7}{}\n",
                            is_last ? "└──" : "├──",
                            shown(layer.id),
                            cli::human_size(layer.size_bytes),
                            layer.top_of.empty() ? "" : " Top Layer of: " + list_of(layer.top_of));
    }
    return 0;
}

}  // namespace

constinit const cli::Command image_tree =
    cli::make_command<Options, declare, run>("Show the layers of an image");

}  // namespace nau::subcommands
