#pragma once

// One member of a layer's tar as data, free of tar's dialects. Names are raw bytes as they stand in
// the archive: neither cleaned nor converted, and hostile until somebody has resolved them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace nau::oci {

enum class EntryType : uint8_t {
    regular,
    directory,
    symlink,
    hard_link,
    character_device,
    block_device,
    fifo,
};

/// Seconds and nanoseconds since the epoch, 0 ≤ nanoseconds < 10⁹; negative before 1970.
struct Timestamp {
    int64_t seconds = 0;
    uint32_t nanoseconds = 0;
    friend bool operator==(const Timestamp&, const Timestamp&) = default;
};

/// A piece of a sparse file that holds data; the rest are holes.
struct SparseExtent {
    uint64_t offset = 0;
    uint64_t length = 0;
    friend bool operator==(const SparseExtent&, const SparseExtent&) = default;
};

struct LayerEntry {
    std::string path;  ///< never empty, holds no NUL
    EntryType type = EntryType::regular;
    uint32_t mode = 0;  ///< permission, setuid, setgid and sticky bits only
    uid_t uid = 0;
    gid_t gid = 0;
    Timestamp modified;
    std::optional<Timestamp> accessed;
    std::string link_target;  ///< of symbolic and hard links; raw, holds no NUL
    uint32_t device_major = 0;
    uint32_t device_minor = 0;
    std::map<std::string, std::string> xattrs;
    uint64_t size = 0;  ///< of regular files: the length that a reader sees, holes included
    /// In order and without overlap; nullopt: the file has no holes.
    std::optional<std::vector<SparseExtent>> sparse_map;
};

}  // namespace nau::oci
