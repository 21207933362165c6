#pragma once

// Reads the tar of a layer: V7, ustar, pax and GNU headers, in any mixture. What a header means is
// decided as the tools around images decide it (Go's archive/tar reads every layer that docker,
// containerd, podman and the scanners look at): a layer must not show one tree to a scanner and
// another one to nau.
//
//   next() ─▶ LayerEntry ─▶ next_content() … until nullopt ─▶ next() … ─▶ nullopt
//
// Content that nobody asks for is skipped. Pieces are handed out where they lie, in the chunks that
// the source delivered, and stay valid as long as somebody holds their owner.
//
// The archive ends at two blocks of zeros, or where the stream ends between two members. What
// follows the blocks of zeros belongs to the blob (and to its diffID) but not to the archive; it is
// not looked at.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "oci/layer/layer_entry.h"

namespace nau::oci {

/// Consecutive bytes of a stream, kept alive by their owner.
struct Chunk {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
};

/// The next bytes, at least one; an empty chunk at the end.
using ChunkSource = std::function<Chunk()>;

/// Passes over so many bytes of the stream behind the last chunk. The end of the stream may lie
/// before: whoever seeks checks that himself.
using SkipSource = std::function<void(uint64_t size)>;

struct TarLimits {
    /// All headers of the archive, also those that only describe other headers.
    uint64_t max_headers = 4'000'000;
    /// One pax header, one long name, one sparse map. Go's limit.
    uint64_t max_header_bytes = uint64_t{1} << 20;
    /// Longest path and link target; the kernel's limit is PATH_MAX, with the final NUL.
    size_t max_path_bytes = 4095;
    /// Apparent size of one file.
    uint64_t max_file_bytes = uint64_t{1} << 40;
    /// One extended attribute; the kernel's own limits.
    size_t max_xattr_name_bytes = 255;
    size_t max_xattr_value_bytes = size_t{64} << 10;
};

struct ContentPiece {
    uint64_t offset = 0;  ///< in the file
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
};

class TarReader {
  public:
    explicit TarReader(ChunkSource source, const TarLimits& limits = {});
    /// For a source that can seek: content that nobody asks for is not even read.
    TarReader(ChunkSource source, const TarLimits& limits, SkipSource skip_source);
    ~TarReader();
    TarReader(const TarReader&) = delete;
    TarReader& operator=(const TarReader&) = delete;

    /// The next member, or nullopt at the end of the archive. The reference is valid until the next
    /// call. @throws Error{corrupt} for a damaged or truncated archive, or one beyond the limits;
    /// Error{unsupported} for a type of member that no file system knows; what the source throws
    const LayerEntry* next();

    /// The next piece of the current member's content, in order; nullopt at its end.
    /// @throws as next()
    std::optional<ContentPiece> next_content();

    /// Bytes of the archive before what is read next: after next(), where the member's content is.
    uint64_t position() const noexcept;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nau::oci
