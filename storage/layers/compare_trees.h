#pragma once

// Whether a layer's directory still is what its blob unpacks to: every name, its metadata and all
// content, byte for byte.

#include <optional>
#include <stop_token>
#include <string>

namespace nau::storage {

/// In words, with the path: "/etc/passwd: its content differs". nullopt: they are equal.
/// @param expected,found readable; borrowed  @throws Error{interrupted}, SysError
std::optional<std::string> find_difference(int expected, int found, const std::stop_token& stop);

}  // namespace nau::storage
