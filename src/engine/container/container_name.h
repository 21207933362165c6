#pragma once

// Names of containers: what is allowed, and one to make up when the user gave none.

#include <cstdint>
#include <string>
#include <string_view>

namespace nau::engine {

/// Letters, digits and "_.-", beginning with a letter or a digit, at most 255.
/// @throws Error{invalid} naming the name and the rule
void check_container_name(std::string_view name);

/// "brave_heron": the same for the same number; there are some ten thousand.
std::string make_container_name(uint64_t random);

}  // namespace nau::engine
