#pragma once

// --filter KEY=VALUE, the same for all lists.

#include <string>
#include <utility>
#include <vector>

#include "cli/flag_set.h"

namespace nau::subcommands {

using Filters = std::vector<std::pair<std::string, std::string>>;

/// `names` is "-f,--filter", or "--filter" where -f is --force.
void declare_filters(cli::FlagSet& flags,
                     std::string_view names,
                     std::string_view description,
                     Filters& filters);

}  // namespace nau::subcommands
