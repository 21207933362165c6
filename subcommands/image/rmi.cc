#include <algorithm>

#include "base/error.h"
#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/usage_error.h"
#include "engine/image/images.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> names;
    bool is_all = false;
    bool is_forced = false;
    bool ignores_missing = false;
};

constexpr cli::RefusedFlag kRefused[] = {{"--no-prune", ""}};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Remove names of images, and images with their last name. An id stands for all names. What "
        "a container needs of an image stays as long as the container. The status is 1 when an "
        "image "
        "does not exist, 2 when a container uses one.");
    flags.toggle("-a,--all", "Remove all images", options.is_all);
    flags.toggle(
        "-f,--force",
        "Remove an image that has several names or from which a stopped container was made",
        options.is_forced);
    flags.toggle(
        "-i,--ignore", "Do not fail for an image that does not exist", options.ignores_missing);
    flags.refuse(kRefused);
    flags.arguments("IMAGE", options.names).optional().completes(cli::Complete::image);
    flags.usage("IMAGE...");
}

/// One id for each image.
std::vector<std::string> all_images(cli::Context& context) {
    std::vector<std::string> ids;
    for (const auto& image : engine::list_own_images(context.engine())) {
        if (std::find(ids.begin(), ids.end(), image.id) == ids.end()) {
            ids.push_back(image.id);
        }
    }
    return ids;
}

int run(cli::Context& context, const Options& options) {
    if (options.names.empty() == !options.is_all) {
        throw cli::UsageError("nau rmi",
                              "{}",
                              options.is_all ? "images and --all exclude each other"
                                             : "'nau rmi' needs at least one IMAGE");
    }
    return cli::for_each_object(
        context,
        options.is_all ? all_images(context) : options.names,
        [&](const std::string& name) {
            engine::RemovedImage removed;
            try {
                removed = engine::remove_image(context.engine(), name, options.is_forced);
            } catch (const Error& error) {
                if (!(options.ignores_missing || options.is_forced) ||
                    error.kind() != ErrorKind::not_found) {
                    throw;
                }
            }
            for (const std::string& reference : removed.untagged) {
                context.out().print("Untagged: {}\n", reference);
            }
            for (const std::string& id : removed.deleted) {
                context.out().print("Deleted: {}\n", id);
            }
        },
        cli::exit_code_of_removal);
}

}  // namespace

constinit const cli::Command rmi =
    cli::make_command<Options, declare, run>("Remove one or more images");

}  // namespace nau::subcommands
