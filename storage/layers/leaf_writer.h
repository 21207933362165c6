#pragma once

// Makes everything that is no directory and no hard link: content, owner, mode, extended attributes
// and times of one name, in an open directory. Jobs do not know of each other: their names are
// known to be free.

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_reader.h"
#include "storage/layers/directory_cache.h"
#include "sys/unique_fd.h"

namespace nau::storage {

using Xattrs = std::vector<std::pair<std::string, std::string>>;

struct LeafJob {
    SharedDirectory directory;
    std::string name;
    oci::EntryType type = oci::EntryType::regular;
    uint32_t mode = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    oci::Timestamp modified;
    oci::Timestamp accessed;
    std::string link_target;
    uint32_t device_major = 0;
    uint32_t device_minor = 0;
    uint64_t size = 0;
    bool is_sparse = false;
    Xattrs xattrs;
    std::vector<oci::ContentPiece> pieces;
    /// A large file comes in several jobs; what describes it is in the first.
    bool is_first = true;
    bool is_last = true;
};

/// What holds for all names of the layer.
struct LeafSettings {
    bool changes_owner = true;
    /// The ids that a new file has: chown is left out for them. nullopt: nobody knows.
    std::optional<std::pair<uid_t, gid_t>> created_as;
    bool skips_devices = false;
};

class LeafWriter {
  public:
    explicit LeafWriter(const LeafSettings& settings) : settings_(settings) {}

    /// From now on new files get the mode they are created with: gives the calling thread an umask
    /// of its own, 0. Without it (or where it is not allowed) each file costs a chmod.
    void take_own_umask() noexcept;

    /// Releases the pieces of the job as soon as they are written.
    void run(LeafJob job);

    /// Content written so far, holes not counted.
    uint64_t file_bytes() const noexcept { return file_bytes_; }
    /// Device nodes and attributes that were left out.
    uint64_t made() const noexcept { return made_; }

  private:
    void run_regular(LeafJob job);
    void write_pieces(const LeafJob& job);
    void finish_regular(const LeafJob& job);
    void make_symlink(const LeafJob& job);
    void make_node(const LeafJob& job);
    void set_owner_and_times(const LeafJob& job);
    bool needs_chown(const LeafJob& job) const noexcept;
    bool needs_chmod(const LeafJob& job) const noexcept;

    LeafSettings settings_;
    bool has_own_umask_ = false;
    LeafJob current_;  ///< the large file being written
    sys::UniqueFd file_;
    uint64_t file_bytes_ = 0;
    uint64_t made_ = 0;
};

timespec as_timespec(const oci::Timestamp& time) noexcept;

/// Sets one attribute; what file system or kernel does not take is left out with a debug line.
void set_xattr_of_file(int fd, const std::string& name, const std::string& value);
void set_xattr_of_name(int dir_fd,
                       const std::string& file,
                       const std::string& name,
                       const std::string& value);

}  // namespace nau::storage
