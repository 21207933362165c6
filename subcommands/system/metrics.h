#pragma once

#include "cli/command.h"

namespace nau::subcommands {

extern const cli::Command metrics;

}  // namespace nau::subcommands
