#pragma once

// From the bytes of a layer blob to the bytes of its tar, as a stream.
//
// The media type is a claim, the first bytes are evidence. A blob that begins as gzip or zstd do is
// unpacked as such whatever its media type says, as containerd does; a blob that begins with a
// valid tar header is a tar, even if a file name makes it look like gzip. A blob that is neither,
// although its media type promises compression, is corrupt.
//
// gzip may have several members and zstd several frames (also skippable ones); checksums and
// lengths in them are verified. What follows the last of them must be nothing: a stream that ends
// too soon, or does not end where it says, is Error{corrupt}.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "oci/layer/byte_source.h"
#include "oci/media_type.h"

namespace nau::oci {

struct DecompressLimits {
    /// Output may be this many times the input, once there is more of it than `ratio_grace_bytes`.
    /// Deflate cannot exceed 1032:1, so that a large file of zeros comes close to it.
    uint64_t max_ratio = 1000;
    uint64_t ratio_grace_bytes = uint64_t{256} << 20;
    /// Output in all; 0: no limit.
    uint64_t max_output_bytes = 0;
    /// What a zstd frame may demand as its window, in memory: 128 MiB is what `zstd -d` grants
    /// without being asked, and what `zstd --ultra -22` needs. Up to level 19 it is 8 MiB.
    uint64_t max_window_bytes = uint64_t{128} << 20;
};

/// What the first bytes of a blob (512 or more, if it has as many) say, beside what its media type
/// says. No bytes at all are an empty tar. @throws Error{corrupt} when compression was declared and
/// they are neither of gzip nor of zstd nor of a tar; Error{unsupported} for bzip2 and xz
Compression detect_compression(std::span<const std::byte> head, Compression declared);

class Decompressor {
  public:
    /// Reads nothing yet. `declared` is what the media type says.
    Decompressor(ByteSource source, Compression declared, const DecompressLimits& limits = {});
    ~Decompressor();
    Decompressor(Decompressor&&) noexcept;
    Decompressor& operator=(Decompressor&&) noexcept;
    Decompressor(const Decompressor&) = delete;
    Decompressor& operator=(const Decompressor&) = delete;

    /// Fills `buffer` as far as the stream goes: fewer bytes than it holds, or 0, mean the end, and
    /// that the source too has been read to its end.
    /// @throws Error{corrupt} for damaged, truncated or oversized input; whatever the source throws
    size_t read(std::span<std::byte> buffer);

    /// What it turned out to be. @pre read() has been called
    Compression compression() const noexcept;
    uint64_t input_bytes() const noexcept;
    uint64_t output_bytes() const noexcept;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nau::oci
