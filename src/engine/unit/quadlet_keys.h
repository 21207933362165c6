#pragma once

// What a key of Quadlet's own sections becomes on the command line. The tables are the list of what
// is understood.

#include <span>
#include <string_view>

#include "engine/unit/quadlet.h"

namespace nau::engine::unit {

enum class KeyKind {
    value,    ///< --flag VALUE; the last one counts
    each,     ///< --flag VALUE for each line; an empty one forgets those before
    words,    ///< the same for each word of each line
    boolean,  ///< --flag=true|false
    special,  ///< quadlet.cc has code for it
    refused,  ///< podman's, and `flag` says why not nau's
};

struct KeyRule {
    std::string_view key;
    KeyKind kind{};
    std::string_view flag;
};

std::span<const KeyRule> key_rules(QuadletKind kind) noexcept;
/// "Container", "Volume", "Network".
std::string_view section_name(QuadletKind kind) noexcept;

}  // namespace nau::engine::unit
