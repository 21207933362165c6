#include <algorithm>

#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/usage_error.h"
#include "engine/image/images.h"
#include "engine/image/mount_image.h"
#include "subcommands/container/mount_rows.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> names;
    MountDisplay display;
    bool is_all = false;
    bool is_forced = false;
};

void declare_mount(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Mount the files of images read-only on the host and print the paths. Without an image, "
        "list what is mounted. It stays until 'nau image unmount' or a reboot, even when the image "
        "is removed.");
    flags.toggle("-a,--all", "Mount all images", options.is_all);
    declare_mount_display(flags, options.display);
    flags.arguments("IMAGE", options.names).optional().completes(cli::Complete::image);
    flags.usage("[IMAGE...]");
    flags.example("ls $(nau image mount alpine:3.20)/etc");
}

void declare_unmount(cli::FlagSet& flags, Options& options) {
    flags.description("Take the files of images away that 'nau image mount' has mounted.");
    flags.toggle("-a,--all", "Unmount all images that are mounted", options.is_all);
    flags.toggle("-f,--force", "Do not fail for an image that is not mounted", options.is_forced);
    flags.arguments("IMAGE", options.names).optional().completes(cli::Complete::image);
    flags.usage("IMAGE...");
}

void refuse_names_with_all(const Options& options, const std::string& command) {
    if (options.is_all && !options.names.empty()) {
        throw cli::UsageError(command, "images and --all exclude each other");
    }
}

/// One id for each image that has layers here.
std::vector<std::string> all_images(cli::Context& context) {
    std::vector<std::string> ids;
    for (const auto& image : engine::list_images(context.engine())) {
        if (std::find(ids.begin(), ids.end(), image.id) == ids.end()) {
            ids.push_back(image.id);
        }
    }
    return ids;
}

std::vector<std::string> mounted_images(cli::Context& context) {
    std::vector<std::string> ids;
    for (const auto& mounted : engine::list_mounted_images(context.engine())) {
        ids.push_back(mounted.id);
    }
    return ids;
}

int run_mount(cli::Context& context, const Options& options) {
    refuse_names_with_all(options, "nau image mount");
    if (options.names.empty() && !options.is_all) {
        print_mounts(context, options.display, engine::list_mounted_images(context.engine()));
        return 0;
    }
    std::vector<engine::MountedRoot> mounts;
    const int status = cli::for_each_object(
        context,
        options.is_all ? all_images(context) : options.names,
        [&](const std::string& name) {
            mounts.push_back(engine::mount_image(context.engine(), name));
        },
        cli::exit_code_of);
    if (options.is_all || !options.display.format.empty()) {
        print_mounts(context, options.display, mounts);
        return status;
    }
    for (const auto& mounted : mounts) {
        context.out().print("{}\n", mounted.path);
    }
    return status;
}

int run_unmount(cli::Context& context, const Options& options) {
    refuse_names_with_all(options, "nau image unmount");
    if (options.names.empty() && !options.is_all) {
        throw cli::UsageError("nau image unmount", "'nau image unmount' needs at least one IMAGE");
    }
    return cli::for_each_object(
        context,
        options.is_all ? mounted_images(context) : options.names,
        [&](const std::string& name) {
            context.out().print(
                "{}\n",
                engine::unmount_image(context.engine(), name, options.is_forced || options.is_all));
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command image_mount =
    cli::make_command<Options, declare_mount, run_mount>("Mount the files of images");
constinit const cli::Command image_unmount =
    cli::make_command<Options, declare_unmount, run_unmount>("Unmount the files of images");

}  // namespace nau::subcommands
