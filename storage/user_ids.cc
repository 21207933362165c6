#include "storage/user_ids.h"

#include <cerrno>
#include <span>
#include <string>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nau::storage {

namespace {

std::filesystem::path slot_path(const Paths& paths, const std::string& name) {
    return paths.graph_root() / "userns" / name;
}

// Not in the container's own directory: there is no record yet, and what has none is rubbish.
std::filesystem::path link_of(const Paths& paths, const ContainerId& container) {
    return slot_path(paths, container.to_string());
}

/// false: it is there already.
bool make_link(const std::string& target, const std::filesystem::path& path) {
    if (::symlink(target.c_str(), path.c_str()) == 0) {
        return true;
    }
    if (errno != EEXIST) {
        throw SysError(errno, "make {}", path.string());
    }
    return false;
}

}  // namespace

std::optional<uint32_t> take_ids(const Paths& paths,
                                 const ContainerId& container,
                                 const std::vector<uint32_t>& candidates) {
    sys::make_directories(slot_path(paths, "").parent_path(), 0700);
    uint64_t begin = 0;
    sys::fill_random(std::as_writable_bytes(std::span(&begin, 1)));
    for (size_t i = 0; i < candidates.size(); ++i) {
        const uint32_t first = candidates[(begin + i) % candidates.size()];
        const std::string name = std::to_string(first);
        if (make_link(container.to_string(), slot_path(paths, name))) {
            (void)make_link(name, link_of(paths, container));
            return first;
        }
    }
    return std::nullopt;
}

void release_ids(const Paths& paths, const ContainerId& container) {
    const auto link = link_of(paths, container);
    std::error_code none;
    const std::string first = std::filesystem::read_symlink(link, none).string();
    if (none || !parse_uint64(first)) {
        return;
    }
    (void)sys::unlink_if_exists(slot_path(paths, first).string());
    (void)sys::unlink_if_exists(link.string());
}

}  // namespace nau::storage
