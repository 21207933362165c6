#pragma once

// What is wrong with the store: every blob against its digest, every reference from images and
// containers down to blobs and layers, every layer against what was counted when it was unpacked.
// Looks, and changes nothing.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oci/digest.h"
#include "storage/snapshots/snapshotter.h"

namespace nau::engine {

class Engine;

struct StoreProblem {
    enum class Kind {
        database,
        damaged_blob,   ///< its bytes are not those of its digest
        missing_blob,   ///< an image or container refers to it
        damaged_layer,  ///< the unpacked tree is not what it was
        missing_layer,  ///< not unpacked, or not all the way down
        foreign_file,   ///< in a place where only nau's files belong
        lost_volume,    ///< data without a record
    };
    Kind kind;
    std::string text;                             ///< for people, complete
    std::optional<oci::Digest> blob = {};         ///< of damaged_blob, missing_blob
    std::optional<storage::Snapshot> layer = {};  ///< of damaged_layer
    std::string name_space = {};                  ///< of image and volume
    std::string image = {};                       ///< whose reference it is; or name of the volume
    std::string container = {};                   ///< id, of missing_layer
    std::string path = {};                        ///< of foreign_file
};

struct StoreCheck {
    std::vector<StoreProblem> problems;
    uint64_t blobs = 0;
    uint64_t blob_bytes = 0;
    uint64_t layers = 0;
    uint64_t images = 0;
    uint64_t containers = 0;
};

struct StoreCheckOptions {
    bool skips_digests = false;    ///< look at the sizes of blobs only
    bool compares_layers = false;  ///< see compare_layers.h; of fsck() only
};

StoreCheck check_store(Engine& engine, const StoreCheckOptions& options);

}  // namespace nau::engine
