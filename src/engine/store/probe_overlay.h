#pragma once

// Whether overlayfs works on a file system, found out by trying: what a layer needs (marks in
// extended attributes, whiteouts) and a mount with an upper directory, which no mount namespace
// sees.

#include <filesystem>
#include <string>

namespace nau::engine {

/// Why overlayfs cannot have its directories in `directory`, in words; empty: it can. Leaves
/// nothing behind.
std::string why_no_overlay(const std::filesystem::path& directory);

}  // namespace nau::engine
