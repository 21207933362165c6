#pragma once

// The name of a stack of layers. A chainID depends on a layer and on everything below it, so equal
// chainIDs mean equal file trees: snapshots are named by it.
// image-spec v1.1 config.md, Layer ChainID.

#include <span>
#include <vector>

#include "oci/digest.h"

namespace nau::oci {

/// One chainID for each layer, bottom first: element n names the stack of layers 0 to n.
std::vector<ChainId> chain_ids(std::span<const DiffId> diff_ids);

}  // namespace nau::oci
