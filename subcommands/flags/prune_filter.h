#pragma once

// --filter of the prune commands: label=KEY[=VALUE], label!=KEY[=VALUE], until=TIME.

#include "base/time.h"
#include "engine/store/prune.h"
#include "subcommands/flags/filters.h"

namespace nau::subcommands {

void declare_prune_filters(cli::FlagSet& flags, Filters& filters);

/// @throws Error{invalid} for other keys
engine::PruneFilter prune_filter_of(const Filters& filters, Time now);

}  // namespace nau::subcommands
