#pragma once

// What the store takes on the disk, as du counts it: every block below the graph root belongs to
// exactly one of the parts, so that they add up to the whole.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/container/containers.h"
#include "engine/image/images.h"

namespace nau::engine {

class Engine;

struct ImageUsage {
    ImageSummary image;
    uint64_t size_bytes = 0;    ///< layers, unpacked
    uint64_t shared_bytes = 0;  ///< of them, what another image has too
    uint64_t unique_bytes = 0;
};

struct ContainerUsage {
    ContainerSummary container;
    uint64_t size_bytes = 0;  ///< written by it; without its log
    uint64_t log_bytes = 0;
    uint64_t volume_count = 0;
};

struct VolumeUsage {
    std::string name;
    uint64_t link_count = 0;  ///< containers that mount it
    uint64_t size_bytes = 0;
};

/// Of one kind of thing.
struct UsagePart {
    uint64_t size_bytes = 0;
    uint64_t reclaimable_bytes = 0;  ///< what a prune of this kind would free
    uint64_t count = 0;
    uint64_t active_count = 0;
};

struct DiskUsage {
    // Listed: of this namespace.
    std::vector<ImageUsage> image_list;
    std::vector<ContainerUsage> container_list;
    std::vector<VolumeUsage> volume_list;

    // Counted: of all namespaces.
    UsagePart images;      ///< unpacked layers
    UsagePart containers;  ///< what they have written
    UsagePart volumes;
    UsagePart blobs;     ///< images as they were fetched
    UsagePart partials;  ///< unfinished downloads and layers
    UsagePart logs;
    UsagePart trash;     ///< removed, not deleted yet
    UsagePart metadata;  ///< database, journal, directories
    uint64_t total_bytes = 0;
};

DiskUsage disk_usage(Engine& engine);

}  // namespace nau::engine
