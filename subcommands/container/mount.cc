#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/container/mount_container.h"
#include "subcommands/container/mount_rows.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    ContainerSelection selection;
    MountDisplay display;
    bool is_forced = false;
};

void declare_mount(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Mount the root file systems of containers, running or not, on the host and print their "
        "paths. Without a container, list what is mounted. Volumes are not part of it. It stays "
        "until 'nau unmount', the removal of the container or a reboot; mounting twice is mounting "
        "once.");
    declare_all(flags, options.selection, "Mount all containers");
    declare_mount_display(flags, options.display);
    declare_selection(flags, options.selection, cli::Complete::container);
    flags.usage("[CONTAINER...]");
    flags.example("ls $(nau mount web)/etc");
    flags.example("nau mount --format json");
}

void declare_unmount(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Take the root file systems of containers away that 'nau mount' has mounted. Who has a "
        "file open there keeps it.");
    declare_all(flags, options.selection, "Unmount all containers that are mounted");
    flags.toggle(
        "-f,--force", "Do not fail for a container that is not mounted", options.is_forced);
    declare_selection(flags, options.selection, cli::Complete::container);
}

int run_mount(cli::Context& context, const Options& options) {
    const auto& selection = options.selection;
    if (selection.names.empty() && !selection.is_latest && !selection.is_all) {
        print_mounts(context, options.display, engine::list_mounted_containers(context.engine()));
        return 0;
    }
    std::vector<engine::MountedRoot> mounts;
    const int status = cli::for_each_object(
        context,
        selected_containers(context, selection, "nau mount", AllOf::any),
        [&](const std::string& name) {
            mounts.push_back(engine::mount_container(context.engine(), name));
        },
        cli::exit_code_of);
    if (selection.is_all || !options.display.format.empty()) {
        print_mounts(context, options.display, mounts);
        return status;
    }
    for (const auto& mounted : mounts) {
        context.out().print("{}\n", mounted.path);
    }
    return status;
}

std::vector<std::string> mounted_ids(cli::Context& context) {
    std::vector<std::string> ids;
    for (const auto& mounted : engine::list_mounted_containers(context.engine())) {
        ids.push_back(mounted.id);
    }
    return ids;
}

int run_unmount(cli::Context& context, const Options& options) {
    auto names = selected_containers(context, options.selection, "nau unmount", AllOf::any);
    if (options.selection.is_all) {
        names = mounted_ids(context);
    }
    return cli::for_each_object(
        context,
        names,
        [&](const std::string& name) {
            context.out().print(
                "{}\n",
                engine::unmount_container(
                    context.engine(), name, options.is_forced || options.selection.is_all));
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command mount = cli::make_command<Options, declare_mount, run_mount>(
    "Mount the root file systems of containers");
constinit const cli::Command unmount = cli::make_command<Options, declare_unmount, run_unmount>(
    "Unmount the root file systems of containers");

}  // namespace nau::subcommands
