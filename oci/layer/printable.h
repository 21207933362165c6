#pragma once

// Names from a layer in messages for people: raw bytes could steer a terminal or forge a line.

#include <string>
#include <string_view>

namespace nau::oci {

/// Printable ASCII as it is, everything else (and the backslash) as \xNN; long names are cut in the
/// middle.
std::string printable(std::string_view bytes);

}  // namespace nau::oci
