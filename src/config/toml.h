#pragma once

// TOML 1.0, as the configuration files of containers' tools are written in it, into the value type
// of base/json: tables are objects, and json::Field then reads them with errors that name the
// place. Dates and times, which no such file has, are refused.

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/json.h"

namespace nau::config {

/// Pure. @param file names it in errors @throws Error{invalid} "FILE:LINE: what is wrong"
json::Value parse_toml(std::string_view text, std::string_view file);

}  // namespace nau::config
