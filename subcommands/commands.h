#pragma once

// The table of all commands, in the order of help.

#include "cli/command.h"

namespace nau::subcommands {

const cli::CommandTable& commands() noexcept;

}  // namespace nau::subcommands
