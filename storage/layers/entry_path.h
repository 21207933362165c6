#pragma once

// Paths of a layer's members as lists of names.

#include <string>
#include <string_view>
#include <vector>

namespace nau::storage {

/// The names of a path, cleaned lexically as the tools around images do it: from the root of the
/// tree, without "." and empty names, ".." taking back the name before it and never leaving the
/// root. The views borrow `path`.
std::vector<std::string_view> clean_path(std::string_view path);

}  // namespace nau::storage
