#include "storage/layers/entry_path.h"

#include <algorithm>

namespace nau::storage {

std::vector<std::string_view> clean_path(std::string_view path) {
    std::vector<std::string_view> names;
    while (!path.empty()) {
        const size_t slash = std::min(path.find('/'), path.size());
        const auto name = path.substr(0, slash);
        path.remove_prefix(std::min(slash + 1, path.size()));
        if (name.empty() || name == ".") {
            continue;
        }
        if (name != "..") {
            names.push_back(name);
        } else if (!names.empty()) {
            names.pop_back();
        }
    }
    return names;
}

}  // namespace nau::storage
