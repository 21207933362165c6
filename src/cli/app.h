#pragma once

// From argv to an exit status: the global flags, the command's word or words, its own flags, and
// the printing of whatever went wrong.

#include <span>
#include <string_view>

#include "cli/command.h"

namespace nau::cli {

/// "0.1.0"
std::string_view program_version() noexcept;

/// The whole of `nau …`; `words` is argv without the program's name. Never throws.
int run_app(const CommandTable& table, std::span<const char* const> words) noexcept;

}  // namespace nau::cli
