#pragma once

// Which containers a command is to work on: those that are named, or --latest, or --all.

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/flag_set.h"
#include "subcommands/flags/filters.h"

namespace nau::subcommands {

struct ContainerSelection {
    std::vector<std::string> names;
    bool is_latest = false;
    bool is_all = false;
    Filters filters;
    std::vector<std::string> id_files;  ///< --cidfile
    bool ignores_missing_files = false;
};

/// The argument CONTAINER… and -l.
void declare_selection(cli::FlagSet& flags, ContainerSelection& selection, cli::Complete kind);
/// -a as well. `what` is the flag's description.
void declare_all(cli::FlagSet& flags, ContainerSelection& selection, std::string_view what);

/// --filter, and --cidfile as well. Filters choose among all that the verb can work on.
void declare_selection_filters(cli::FlagSet& flags,
                               ContainerSelection& selection,
                               std::string_view names);
void declare_id_files(cli::FlagSet& flags, ContainerSelection& selection);

enum class AllOf { running, any, startable, pausable, paused };
/// The names to work on; of --latest and --all, ids. @throws Error{invalid} when nothing or too
/// much is said
std::vector<std::string> selected_containers(cli::Context& context,
                                             const ContainerSelection& selection,
                                             const std::string& command,
                                             AllOf all_of);

/// For commands on exactly one container.
std::string selected_container(cli::Context& context,
                               const std::string& name,
                               bool is_latest,
                               const std::string& command);

}  // namespace nau::subcommands
