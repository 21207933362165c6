#pragma once

// What the layer being unpacked has brought so far: its directories with the metadata that they
// will get at the end, its whiteouts, and the mere fact of every other name. Paths are resolved
// here, without a system call, and a name that comes twice is noticed before anybody collides.
//
// Memory is what hostile layers go for: a directory costs about 100 bytes and its name, a whiteout
// 20 and its name, any other name 8 to 16 bytes, of which 4 are a hash of it. Two names may share a
// hash, so that `other` means "perhaps": whoever is told so looks at the file system. The hash is
// seeded, lest a layer be made of such names.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/layer/layer_entry.h"

namespace nau::storage {

/// Numbers directories in the order of their making: a directory's is greater than its parent's.
using DirectoryId = uint32_t;
inline constexpr DirectoryId kRootDirectory = 0;

struct DirectoryMetadata {
    uint32_t mode = 0755;
    uid_t uid = 0;
    gid_t gid = 0;
    oci::Timestamp modified;
    oci::Timestamp accessed;
};

struct DirectoryRecord {
    DirectoryId parent = kRootDirectory;
    uint32_t name_offset = 0;
    uint16_t name_size = 0;
    static constexpr uint16_t kUnknownMode = UINT16_MAX;
    uint16_t made_mode = kUnknownMode;  ///< what it has on the disk until the end
    uint16_t depth = 0;
    bool is_removed = false;
    /// The layer mentions it or brings something in it. Others are there for the sake of a file
    /// that was copied up, and share the fate of the lower layers' directory.
    bool is_own = false;
    bool is_opaque = false;   ///< hides what the lower layers have there
    bool is_adopted = false;  ///< was there before (LayerForm::merged), with whatever owner
    /// Not mentioned by the layer (yet): extended attributes come from the lower layers too.
    bool wants_lower_xattrs = false;
    DirectoryMetadata metadata;
};

class LayerTree {
  public:
    enum class Kind : uint8_t { absent, directory, other };
    struct Found {
        Kind kind = Kind::absent;
        DirectoryId directory = kRootDirectory;
        /// Whatever the lower layers have there is gone; exact.
        bool is_whited_out = false;
    };
    struct Whiteout {
        DirectoryId parent = kRootDirectory;
        uint32_t name_offset = 0;
        uint16_t name_size = 0;
    };

    /// `seed` is a secret of this run.
    explicit LayerTree(uint64_t seed);

    Found find(DirectoryId parent, std::string_view name) const noexcept;

    /// @pre no directory of that name
    void add_other(DirectoryId parent, std::string_view name);
    /// @pre no directory of that name. From now on the name is the directory's.
    DirectoryId add_directory(DirectoryId parent, std::string_view name);
    /// Besides whatever else the layer has, or will have, under that name.
    void add_whiteout(DirectoryId parent, std::string_view name);
    /// With all below it; the name is `other` from now on.
    void remove_directory(DirectoryId id);

    DirectoryRecord& directory(DirectoryId id) { return directories_[id]; }
    const DirectoryRecord& directory(DirectoryId id) const { return directories_[id]; }
    std::string_view name(DirectoryId id) const noexcept;
    const std::deque<Whiteout>& whiteouts() const noexcept { return whiteouts_; }
    std::string_view name(const Whiteout& whiteout) const noexcept;
    /// The directory and all above it. One that the layer had hidden before is made anew thereby:
    /// it does not look as it did below.
    void mark_own(DirectoryId id) noexcept;
    /// Whether the layer hides what the lower layers have under this name.
    bool is_hidden(DirectoryId parent, std::string_view name) const noexcept {
        return hides_lower_layers(parent) || find(parent, name).is_whited_out;
    }
    /// From the root, without a slash at the beginning; "" for the root.
    std::string path(DirectoryId id) const;
    /// Neither removed itself nor below a removed one.
    bool is_alive(DirectoryId id) const noexcept;
    /// It or one above it is opaque.
    bool hides_lower_layers(DirectoryId id) const noexcept;
    /// Directories that were ever made, the root included.
    DirectoryId size() const noexcept { return static_cast<DirectoryId>(directories_.size()); }
    size_t name_bytes() const noexcept { return names_.size(); }

  private:
    struct Slot {
        uint32_t hash = 0;   ///< its low bits are also the slot's preferred number
        uint32_t value = 0;  ///< 0: the slot is free
    };
    // Values: a directory's number + 1; a whiteout's number with the mark; all ones.
    static constexpr uint32_t kWhiteoutMark = uint32_t{1} << 31;
    static constexpr uint32_t kOther = UINT32_MAX;

    uint32_t hash(DirectoryId parent, std::string_view name) const noexcept;
    uint32_t keep_name(std::string_view name);
    void insert(Slot slot);
    void place(Slot slot) noexcept;

    uint64_t seed_;
    std::deque<DirectoryRecord> directories_;
    std::deque<Whiteout> whiteouts_;
    std::string names_;  ///< of directories and whiteouts, one after the other
    std::vector<Slot> slots_;
    size_t used_slots_ = 0;
};

}  // namespace nau::storage
