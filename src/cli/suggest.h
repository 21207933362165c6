#pragma once

// "did you mean": the known word that is nearest to a mistyped one.

#include <span>
#include <string_view>

namespace nau::cli {

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the
/// other.
size_t edit_distance(std::string_view a, std::string_view b);

/// Empty when no word is near enough to be a guess worth making.
std::string_view nearest_word(std::string_view typed, std::span<const std::string_view> known);

}  // namespace nau::cli
