#pragma once

#include <string>

#include "cli/command.h"

namespace nau::subcommands {

extern const cli::Command unit_print;
extern const cli::Command unit_install;
extern const cli::Command unit_generate;

/// Whether the word names a file of Quadlet's rather than a container.
bool names_a_unit_file(const std::string& word);

}  // namespace nau::subcommands
