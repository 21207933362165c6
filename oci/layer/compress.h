#pragma once

// From the bytes of a tar to the bytes of a layer blob. Equal input gives equal output: no time, no
// name, no number of threads gets into it.
//
// gzip is made in blocks of 1 MiB on several threads, each block knowing the 32 KiB before it, so
// that the blob is one ordinary gzip member that every tool reads (pigz does the same).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "oci/layer/byte_sink.h"
#include "oci/media_type.h"

namespace nau::oci {

struct CompressOptions {
    /// gzip 1 to 9, zstd 1 to 19; absent: 6 and 3.
    std::optional<int> level = {};
    /// Of gzip; 0: by the number of processors. Has no influence on the bytes.
    unsigned threads = 0;
};

class Compressor {
  public:
    Compressor() = default;
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;
    /// Without finish(): what is under way is dropped.
    virtual ~Compressor() = default;

    /// @throws what the sink throws; it is called from the thread of the caller only
    virtual void write(std::span<const std::byte> bytes) = 0;
    /// Once, at the end.
    virtual void finish() = 0;
};

/// @throws Error{invalid} for a level that the format does not have
std::unique_ptr<Compressor> make_compressor(Compression compression,
                                            ByteSink sink,
                                            const CompressOptions& options = {});

}  // namespace nau::oci
