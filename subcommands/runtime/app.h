#pragma once

// `nau runtime …`, and nau called by the name of a runtime: runc's grammar, in which flags stand
// before the verb, and runc's way to tell errors.

#include <span>
#include <string_view>

namespace nau::subcommands::runtime {

/// Whether a program of this name (the last component of argv[0]) is to be an OCI runtime.
bool is_runtime_name(std::string_view name) noexcept;

/// `words` begin after "nau runtime" or after argv[0]. Never throws.
int run_app(std::span<const char* const> words) noexcept;

}  // namespace nau::subcommands::runtime
