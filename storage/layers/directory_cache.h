#pragma once

// Open directories of the layer being unpacked, so that a member costs no path resolution. They
// are opened relative to their parent, or below the root by openat2, never through a link. The ones
// unused for longest are closed; what a writer still uses stays open until it is done.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "storage/layers/layer_tree.h"
#include "sys/unique_fd.h"

namespace nau::storage {

class OpenDirectory {
  public:
    OpenDirectory(sys::UniqueFd fd, std::string path, std::shared_ptr<std::atomic<size_t>> count);
    ~OpenDirectory();
    OpenDirectory(const OpenDirectory&) = delete;
    OpenDirectory& operator=(const OpenDirectory&) = delete;

    /// Readable, so that attributes can be set through it.
    int fd() const noexcept { return fd_.get(); }
    /// Of something in it, as the layer names it: for messages.
    std::string path_of(std::string_view name) const;

  private:
    sys::UniqueFd fd_;
    std::string path_;
    std::shared_ptr<std::atomic<size_t>> count_;
};

using SharedDirectory = std::shared_ptr<const OpenDirectory>;

class DirectoryCache {
  public:
    /// `root` is the target of the layer (O_PATH will do); borrowed only for the call.
    DirectoryCache(const LayerTree& tree, int root);

    SharedDirectory open(DirectoryId id);
    const SharedDirectory& root() const noexcept { return root_; }
    /// Closes what is not the root: directories may have gone.
    void forget_all() noexcept;
    /// Descriptors in use, by the cache or by others.
    size_t open_count() const noexcept { return *count_; }

  private:
    static constexpr size_t kSlots = 64;
    struct Slot {
        DirectoryId id = kRootDirectory;  ///< the root: the slot is free
        uint64_t last_use = 0;
        SharedDirectory directory;
    };

    Slot* find(DirectoryId id) noexcept;
    SharedDirectory keep(DirectoryId id, sys::UniqueFd fd, std::string path);

    const LayerTree& tree_;
    std::shared_ptr<std::atomic<size_t>> count_ = std::make_shared<std::atomic<size_t>>(0);
    SharedDirectory root_;
    std::array<Slot, kSlots> slots_ = {};
    uint64_t clock_ = 0;
};

}  // namespace nau::storage
