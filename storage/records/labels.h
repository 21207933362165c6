#pragma once

#include <map>
#include <string>

namespace nau::storage {

using Labels = std::map<std::string, std::string>;

}  // namespace nau::storage
