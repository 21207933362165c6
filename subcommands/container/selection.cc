#include "subcommands/container/selection.h"

#include "base/error.h"
#include "base/parse.h"
#include "cli/files.h"
#include "cli/usage_error.h"
#include "engine/container/containers.h"

namespace nau::subcommands {

namespace {

using engine::ContainerStatus;

bool is_wanted(ContainerStatus status, AllOf all_of) {
    const bool is_up = status == ContainerStatus::running || status == ContainerStatus::paused ||
                       status == ContainerStatus::stopping;
    switch (all_of) {
        case AllOf::running:
            return is_up;
        case AllOf::startable:
            return !is_up;
        case AllOf::pausable:
            return status == ContainerStatus::running;
        case AllOf::paused:
            return status == ContainerStatus::paused;
        case AllOf::any:
            return true;
    }
    return true;
}

}  // namespace

void declare_selection(cli::FlagSet& flags, ContainerSelection& selection, cli::Complete kind) {
    flags.toggle("-l,--latest", "Take the container that was created last", selection.is_latest);
    flags.arguments("CONTAINER", selection.names).optional().completes(kind);
    flags.usage("CONTAINER...");
}

void declare_all(cli::FlagSet& flags, ContainerSelection& selection, std::string_view what) {
    flags.toggle("-a,--all", what, selection.is_all);
}

void declare_selection_filters(cli::FlagSet& flags,
                               ContainerSelection& selection,
                               std::string_view names) {
    declare_filters(flags, names, "Take those of all containers with KEY=VALUE", selection.filters);
}

void declare_id_files(cli::FlagSet& flags, ContainerSelection& selection) {
    flags
        .list("--cidfile",
              "FILE",
              "Take the container whose id stands in the file",
              selection.id_files)
        .completes(cli::Complete::file);
}

namespace {

std::vector<std::string> ids_of_files(const ContainerSelection& selection) {
    std::vector<std::string> ids;
    for (const std::string& path : selection.id_files) {
        try {
            ids.emplace_back(trim(cli::read_option_file(path)));
        } catch (const Error& error) {
            if (!selection.ignores_missing_files || error.kind() != ErrorKind::not_found) {
                throw;
            }
        }
    }
    return ids;
}

std::vector<std::string> listed_ids(cli::Context& context,
                                    const ContainerSelection& selection,
                                    AllOf all_of) {
    std::vector<std::string> ids;
    for (const auto& container : engine::list_containers(
             context.engine(),
             {.includes_stopped = true, .filters = selection.filters, .last = {}})) {
        if (is_wanted(container.status, all_of)) {
            ids.push_back(container.id);
        }
    }
    return ids;
}

}  // namespace

std::vector<std::string> selected_containers(cli::Context& context,
                                             const ContainerSelection& selection,
                                             const std::string& command,
                                             AllOf all_of) {
    std::vector<std::string> names = selection.names;
    for (auto& id : ids_of_files(selection)) {
        names.push_back(std::move(id));
    }
    const bool is_listed = selection.is_all || !selection.filters.empty();
    const bool has_names = !selection.names.empty() || !selection.id_files.empty();
    const int said = (has_names ? 1 : 0) + (selection.is_latest ? 1 : 0) + (is_listed ? 1 : 0);
    if (said == 0) {
        throw cli::UsageError(command, "'{}' needs at least one CONTAINER", command);
    }
    if (said > 1) {
        throw cli::UsageError(command,
                              "containers, --latest, --all and --filter exclude each other");
    }
    if (selection.is_latest) {
        return {engine::latest_container_id(context.engine())};
    }
    return is_listed ? listed_ids(context, selection, all_of) : names;
}

std::string selected_container(cli::Context& context,
                               const std::string& name,
                               bool is_latest,
                               const std::string& command) {
    if (!name.empty() && is_latest) {
        throw cli::UsageError(command, "a container and --latest exclude each other");
    }
    if (name.empty() && !is_latest) {
        throw cli::UsageError(command, "'{}' needs the argument CONTAINER", command);
    }
    return is_latest ? engine::latest_container_id(context.engine()) : name;
}

}  // namespace nau::subcommands
