#pragma once

// Lists and maps of texts as JSON in a column: readable with any SQLite tool, and quick to read
// back, because a listing decodes thousands. What nau writes without escapes is cut apart here;
// anything else goes through the JSON library.

#include <string>
#include <string_view>
#include <vector>

#include "storage/records/labels.h"

namespace nau::storage {

std::string encode_list(const std::vector<std::string>& list);
std::string encode_labels(const Labels& labels);
/// @throws Error{corrupt}
std::vector<std::string> decode_list(std::string_view text);
/// @throws Error{corrupt}
Labels decode_labels(std::string_view text);

}  // namespace nau::storage
