#include "cli/command.h"

#include <algorithm>

namespace nau::cli {

const CommandRow* CommandTable::find(std::string_view group, std::string_view name) const noexcept {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const CommandRow& row) {
        return row.group == group && row.name == name;
    });
    return found == rows.end() ? nullptr : &*found;
}

const CommandGroup* CommandTable::find_group(std::string_view name) const noexcept {
    const auto found = std::find_if(groups.begin(), groups.end(), [&](const CommandGroup& group) {
        return group.name == name;
    });
    return found == groups.end() ? nullptr : &*found;
}

}  // namespace nau::cli
