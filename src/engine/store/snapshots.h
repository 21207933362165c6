#pragma once

// `nau snapshot`: unpacked layers and containers' file systems as they lie in the store.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace nau::engine {

class Engine;

struct SnapshotSummary {
    std::string key;     ///< chainID, container id, or what a pull calls it
    std::string kind;    ///< active, view, committed
    std::string parent;  ///< key; empty: none
    Time created;
    std::optional<uint64_t> size_bytes;  ///< of its own layer; absent: not known without looking
    std::optional<uint64_t> inodes;
    bool is_durable = true;
    std::string lease;
};

/// Oldest first. Takes no lock that a pull holds.
std::vector<SnapshotSummary> list_snapshots(Engine& engine);

/// The key for a key or a unique prefix of it (its digits; four or more).
/// @throws Error{not_found}, {invalid}
std::string find_snapshot(Engine& engine, const std::string& key_or_prefix);

struct SnapshotMount {
    std::string type;    ///< overlay, bind
    std::string source;  ///< of a bind: the directory
    std::vector<std::string> options;
};
/// What would have to be mounted to see its files; nothing is.
SnapshotMount snapshot_mount(Engine& engine, const std::string& key_or_prefix);

struct SnapshotDiskUsage {
    uint64_t size_bytes = 0;  ///< of an active one blocks on the disk, of a layer its content
    uint64_t inodes = 0;
};
SnapshotDiskUsage snapshot_usage(Engine& engine, const std::string& key_or_prefix);

/// @throws Error{in_use} when an image, a container, a lease or another snapshot needs it
void remove_snapshot(Engine& engine, const std::string& key_or_prefix);

}  // namespace nau::engine
