#pragma once

// How failures are told: "Error: …" on one line of standard error, then "Hint: …" if there is
// advice, then "See 'nau run --help'" if the command line was wrong.

#include <exception>
#include <string>

namespace nau::cli {

/// The lines for an error, each with its end. Control characters in them are made visible.
std::string error_lines(const std::exception& error);

/// Prints error_lines() on standard error. Never throws.
void report_error(const std::exception& error) noexcept;

}  // namespace nau::cli
