#include "config/registries.h"

#include <algorithm>

namespace nau::config {

bool Registries::is_insecure(std::string_view registry) const noexcept {
    return std::ranges::find(insecure, registry) != insecure.end();
}

}  // namespace nau::config
