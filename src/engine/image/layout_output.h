#pragma once

// An OCI image layout that is there already and gets further images, as skopeo does it: blobs that
// it has stay, and its index keeps its entries. A name that is given anew leaves the entry that had
// it, which stays without. Internal to the engine.

#include <memory>
#include <string>

#include "engine/image/archive_output.h"
#include "oci/manifest.h"

namespace nau::engine {

/// `index` with the entries of `added`; pure.
oci::Index merge_indexes(oci::Index index, const oci::Index& added);

/// nullptr when the directory is no layout: absent, empty or something else. Without finish() the
/// index is what it was, and new blobs go again.
/// @throws Error{unsupported} a layout of another version, {corrupt}
std::unique_ptr<ArchiveOutput> open_layout_output(const std::string& path);

}  // namespace nau::engine
