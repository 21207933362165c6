#pragma once

// Where bytes go, in order: a compressor, a hash, a file, a pipe. The counterpart of ByteSource.

#include <cstddef>
#include <functional>
#include <span>

namespace nau::oci {

/// Takes all of `bytes` (never empty). May block, may throw.
using ByteSink = std::function<void(std::span<const std::byte> bytes)>;

}  // namespace nau::oci
