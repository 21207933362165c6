#pragma once

// Giving disk space back: what nobody uses, by kind, or the least recently used until the store is
// small enough, and how much that was.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace nau::engine {

class Engine;

struct PruneFilter {
    std::optional<Time> until;  ///< only what was created before
    /// "key" or "key=value"; all must be there, and none of the unwanted.
    std::vector<std::string> labels;
    std::vector<std::string> unwanted_labels;
};

struct PruneOptions {
    bool containers = false;  ///< all that do not run
    /// Images without name leave nothing but content; all: also those that no container uses.
    bool images = false;
    bool all_images = false;
    bool volumes = false;  ///< those without name that no container uses
    bool all_volumes = false;
    PruneFilter filter;
};

struct Pruned {
    std::vector<std::string> containers;  ///< ids
    std::vector<std::string> untagged;    ///< names of images
    std::vector<std::string> images;      ///< ids
    std::vector<std::string> volumes;     ///< names
    uint64_t freed_bytes = 0;             ///< on the disk
};

/// With images or volumes, content that nothing refers to goes as well: partial downloads, layers
/// of failed pulls; and the space is free on return. Containers alone are deleted in the
/// background.
Pruned prune(Engine& engine, const PruneOptions& options);

struct CollectGarbageOptions {
    /// Unused images go, the least recently used first, until all of the store fits in so much.
    std::optional<uint64_t> keep_bytes;
};

Pruned collect_garbage(Engine& engine, const CollectGarbageOptions& options);

}  // namespace nau::engine
