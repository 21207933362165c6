#include "storage/layers/directory_cache.h"

#include <algorithm>
#include <climits>
#include <fcntl.h>
#include <utility>

#include "sys/dir_fd.h"
#include "sys/raw.h"

namespace nau::storage {

OpenDirectory::OpenDirectory(sys::UniqueFd fd,
                             std::string path,
                             std::shared_ptr<std::atomic<size_t>> count)
    : fd_(std::move(fd)), path_(std::move(path)), count_(std::move(count)) {
    ++*count_;
}

OpenDirectory::~OpenDirectory() {
    --*count_;
}

std::string OpenDirectory::path_of(std::string_view name) const {
    std::string path = path_;
    if (!path.empty()) {
        path += '/';
    }
    return path.append(name);
}

DirectoryCache::DirectoryCache(const LayerTree& tree, int root)
    : tree_(tree),
      root_(std::make_shared<OpenDirectory>(
          sys::openat(root, ".", O_RDONLY | O_DIRECTORY), std::string(), count_)) {}

DirectoryCache::Slot* DirectoryCache::find(DirectoryId id) noexcept {
    const auto found =
        std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) { return slot.id == id; });
    return found != slots_.end() ? &*found : nullptr;
}

SharedDirectory DirectoryCache::keep(DirectoryId id, sys::UniqueFd fd, std::string path) {
    auto directory = std::make_shared<const OpenDirectory>(std::move(fd), std::move(path), count_);
    const auto oldest =
        std::min_element(slots_.begin(), slots_.end(), [](const Slot& a, const Slot& b) {
            return a.last_use < b.last_use;
        });
    *oldest = {.id = id, .last_use = ++clock_, .directory = directory};
    return directory;
}

SharedDirectory DirectoryCache::open(DirectoryId id) {
    if (id == kRootDirectory) {
        return root_;
    }
    if (Slot* slot = find(id)) {
        slot->last_use = ++clock_;
        return slot->directory;
    }
    const DirectoryId parent = tree_.directory(id).parent;
    std::string path = tree_.path(id);
    if (const Slot* slot = parent == kRootDirectory ? nullptr : find(parent)) {
        auto fd =
            sys::openat(slot->directory->fd(), std::string(tree_.name(id)), O_RDONLY | O_DIRECTORY);
        return keep(id, std::move(fd), std::move(path));
    }
    if (path.size() < PATH_MAX) {
        // Nothing in the tree is a link or a mount where a directory of it should be.
        auto fd = sys::openat2(
            root_->fd(),
            path,
            O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
            0,
            sys::raw::kResolveBeneath | sys::raw::kResolveNoSymlinks | sys::raw::kResolveNoXdev);
        return keep(id, std::move(fd), std::move(path));
    }
    const SharedDirectory above = open(parent);
    auto fd = sys::openat(above->fd(), std::string(tree_.name(id)), O_RDONLY | O_DIRECTORY);
    return keep(id, std::move(fd), std::move(path));
}

void DirectoryCache::forget_all() noexcept {
    slots_ = {};
}

}  // namespace nau::storage
