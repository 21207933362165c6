#pragma once

#include <string_view>

namespace nau::cli {

/// Asks on standard error, reads a line from standard input: y and yes agree, all else and the end
/// of the input do not.
bool confirm(std::string_view question);

}  // namespace nau::cli
