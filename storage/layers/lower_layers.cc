#include "storage/layers/lower_layers.h"

#include <algorithm>
#include <fcntl.h>
#include <set>
#include <utility>

#include "base/error.h"
#include "storage/layers/entry_path.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::storage {

bool is_whiteout(const struct ::stat& status) noexcept {
    return S_ISCHR(status.st_mode) && status.st_rdev == 0;
}

LowerLayers::LowerLayers(std::function<std::vector<int>()> open, std::string opaque_xattr)
    : open_(std::move(open)), opaque_xattr_(std::move(opaque_xattr)) {}

const std::vector<int>& LowerLayers::roots() {
    if (!roots_) {
        roots_ = open_ ? open_() : std::vector<int>{};
    }
    return *roots_;
}

int LowerLayers::top() {
    return roots().empty() ? -1 : roots().front();
}

bool LowerLayers::is_opaque(int fd) const {
    return sys::fgetxattr(fd, opaque_xattr_) == "y";
}

std::vector<sys::UniqueFd> LowerLayers::enter_name(const std::vector<sys::UniqueFd>& parents,
                                                   const std::string& name) {
    std::vector<sys::UniqueFd> directories;
    for (const auto& parent : parents) {
        const auto status = sys::fstatat_if_exists(parent.get(), name);
        if (!status) {
            continue;
        }
        if (!S_ISDIR(status->st_mode)) {
            break;  // hides what is below, and a directory above it does not continue here
        }
        directories.push_back(sys::openat(parent.get(), name, O_RDONLY | O_DIRECTORY));
        if (is_opaque(directories.back().get())) {
            break;
        }
    }
    return directories;
}

const std::vector<sys::UniqueFd>& LowerLayers::enter(const std::string& directory) {
    if (entered_path_ == directory) {
        return entered_;
    }
    entered_path_.reset();
    entered_.clear();
    for (const int root : roots()) {
        entered_.push_back(sys::openat(root, ".", O_RDONLY | O_DIRECTORY));
    }
    for (const auto name : clean_path(directory)) {
        entered_ = enter_name(entered_, std::string(name));
    }
    entered_path_ = directory;
    return entered_;
}

std::optional<LowerLayers::Node> LowerLayers::find(const std::string& directory,
                                                   std::string_view name) {
    if (!exist()) {
        return std::nullopt;
    }
    const std::string text(name);
    for (const auto& parent : enter(directory)) {
        const auto status = sys::fstatat_if_exists(parent.get(), text);
        if (!status) {
            continue;
        }
        if (is_whiteout(*status)) {
            return std::nullopt;
        }
        return Node{.parent = parent.get(), .name = text, .status = *status};
    }
    return std::nullopt;
}

std::vector<std::string> LowerLayers::root_names() {
    std::set<std::string> seen;
    std::vector<std::string> names;
    for (const auto& root : enter("")) {
        for (const auto& entry : sys::list_directory(root.get())) {
            if (seen.insert(entry.name).second &&
                !is_whiteout(sys::fstatat(root.get(), entry.name))) {
                names.push_back(entry.name);
            }
        }
    }
    return names;
}

}  // namespace nau::storage
