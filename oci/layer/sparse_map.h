#pragma once

// The four ways in which GNU tar writes down where a sparse file has data: the old header with
// extension blocks, and pax formats 0.0, 0.1 and 1.0. Internal to oci/layer.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "oci/layer/layer_entry.h"
#include "oci/layer/pax.h"
#include "oci/layer/tar_header.h"

namespace nau::oci {

using SparseMap = std::vector<SparseExtent>;

/// Delivers the next block of the archive; the view is valid until the next call.
using NextBlock = std::function<std::span<const std::byte, kTarBlockSize>()>;

/// From a header of type 'S' and the extension blocks that follow it. @throws Error{corrupt}
SparseMap read_gnu_sparse_map(const TarBlock& header,
                              const NextBlock& next_block,
                              uint64_t max_map_bytes);

/// Formats 0.0 (as parse_pax_records() returns it) and 0.1. @throws Error{corrupt}
SparseMap parse_pax_sparse_map(const PaxRecords& records);

/// Format 1.0: decimal lines at the beginning of the content, padded to whole blocks.
/// @throws Error{corrupt}
SparseMap read_content_sparse_map(const NextBlock& next_block, uint64_t max_map_bytes);

/// In order, without overlap, within `file_size`, and as long in all as the `stored_bytes` that the
/// archive has. @throws Error{corrupt}
void check_sparse_map(const SparseMap& map, uint64_t file_size, uint64_t stored_bytes);

}  // namespace nau::oci
