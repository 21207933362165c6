#pragma once

// In what form images are pushed: flags of push and manifest push.

#include "cli/flag_set.h"
#include "engine/image/push_plan.h"

namespace nau::subcommands {

/// --compression-format, --compression-level, --force-compression, --format
void declare_push_form_flags(cli::FlagSet& flags, engine::PushConversion& conversion);
/// @throws UsageError for flags that contradict each other
void check_push_form(const engine::PushConversion& conversion, const std::string& command);

}  // namespace nau::subcommands
