#pragma once

// `nau content`: the blobs of the store as they lie there, by digest, for all namespaces.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "oci/digest.h"

namespace nau::engine {

class Engine;

struct BlobSummary {
    std::string digest;
    uint64_t size_bytes = 0;  ///< so far, of a partial one
    Time modified;
    bool is_partial = false;
    bool is_referenced = false;  ///< an image, a container or a lease reaches it
};

/// By digest. Takes no lock that a pull holds.
std::vector<BlobSummary> list_blobs(Engine& engine);

/// By digest, or a unique prefix of its digits (four or more). @throws Error{not_found}, {invalid}
oci::Digest find_blob(Engine& engine, const std::string& digest_or_prefix);

/// Writes a blob to `output` (a file, or "-"), checking its digest on the way.
/// @throws Error{corrupt} when the bytes are others by now
void write_blob_to(Engine& engine, const oci::Digest& digest, const std::string& output);

/// @throws Error{in_use} when something reaches it, unless `is_forced`; then the image is broken
/// until it is pulled again
void remove_blob(Engine& engine, const std::string& digest_or_prefix, bool is_forced);

}  // namespace nau::engine
