#pragma once

// What an image was made of: its history line by line (`nau history`), its layers with their sizes
// (`nau image tree`).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "oci/digest.h"

namespace nau::engine {

class Engine;

struct HistoryLine {
    std::string id;  ///< hex of the image at the top; empty: "<missing>"
    std::optional<Time> created;
    std::string created_by;
    std::string comment;
    uint64_t size_bytes = 0;  ///< unpacked; 0 for a line without layer
    bool is_empty = false;
    std::vector<std::string> tags;
};

/// Newest first. An image whose history does not tell of all layers gets lines for them.
std::vector<HistoryLine> image_history(Engine& engine, const std::string& name_or_id);

struct LayerLine {
    std::string id;  ///< hex of the chainID
    uint64_t size_bytes = 0;
    std::vector<std::string> top_of;  ///< names of the images whose uppermost layer it is
};

struct ImageTree {
    std::string id;
    std::vector<std::string> tags;
    uint64_t size_bytes = 0;
    std::vector<LayerLine> layers;  ///< bottom first
};

ImageTree image_tree(Engine& engine, const std::string& name_or_id);

}  // namespace nau::engine
