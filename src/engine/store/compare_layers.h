#pragma once

// `nau fsck --deep`: unpacks every layer once more, beside the one that is there, and compares all
// files. It finds what no count finds: content that a disk or a hand has changed.

#include <stop_token>
#include <vector>

#include "engine/store/check_store.h"

namespace nau::engine {

/// The layers that are not what their blobs say, as Kind::damaged_layer. A layer whose blob is
/// missing or damaged, or that no image and no container names any more, is left out. Takes the
/// space of the largest layer while it works.
std::vector<StoreProblem> compare_layers(Engine& engine, const std::stop_token& stop);

}  // namespace nau::engine
