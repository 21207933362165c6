#pragma once

// A file that a command writes a result into: --digestfile.

#include <string>
#include <string_view>

namespace nau::cli {

/// In place of one that is there; a pipe or a terminal is written to. @throws SysError
void replace_file(const std::string& path, std::string_view text);

}  // namespace nau::cli
