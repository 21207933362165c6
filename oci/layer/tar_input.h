#pragma once

// The bytes below a TarReader: chunks in, whole blocks and pieces of content out, without copying
// what lies in one chunk. Internal to oci/layer.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "oci/layer/tar_header.h"
#include "oci/layer/tar_reader.h"

namespace nau::oci {

class TarInput {
  public:
    explicit TarInput(ChunkSource source, SkipSource skip_source = {})
        : source_(std::move(source)), skip_source_(std::move(skip_source)) {}

    /// Valid until the next call of anything here; nullopt at the end of the stream.
    /// @throws Error{corrupt} when the stream ends within the block
    std::optional<std::span<const std::byte, kTarBlockSize>> next_block();
    /// As next_block(), where the end of the stream is an error too.
    std::span<const std::byte, kTarBlockSize> required_block();
    /// At least one and at most `max` bytes (which is not 0), as many as lie together.
    Chunk take(uint64_t max);
    /// @throws Error{corrupt} when there are not as many
    void skip(uint64_t size);
    std::string read_text(size_t size);
    /// Bytes of the stream that have been given out or skipped.
    uint64_t position() const noexcept { return consumed_; }

  private:
    bool fetch();
    [[noreturn]] static void fail_truncated();

    ChunkSource source_;
    SkipSource skip_source_;
    uint64_t consumed_ = 0;
    Chunk chunk_;
    size_t position_ = 0;  ///< in the chunk
    bool at_end_ = false;
    std::array<std::byte, kTarBlockSize> assembled_ = {};
};

}  // namespace nau::oci
