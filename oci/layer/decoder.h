#pragma once

// One compression format behind the Decompressor, driven piece by piece. Internal to oci/layer.
//
// A stream is one or more frames (gzip: members). decode() never reads beyond the end of a frame,
// and begins the next one when it is called again.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace nau::oci {

class Decoder {
  public:
    struct Step {
        size_t consumed = 0;
        size_t produced = 0;
    };

    Decoder() = default;
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;
    virtual ~Decoder() = default;

    /// Both may be zero when the input is too short to go on. @throws Error{corrupt}
    virtual Step decode(std::span<const std::byte> input, std::span<std::byte> output) = 0;
    /// Between two frames: nothing is pending, and the stream may end here.
    virtual bool is_between_frames() const noexcept = 0;
};

/// By zlib: everywhere.
std::unique_ptr<Decoder> make_zlib_decoder();
/// By ISA-L, twice as fast; null when nau was built without.
std::unique_ptr<Decoder> make_igzip_decoder();
std::unique_ptr<Decoder> make_zstd_decoder(uint64_t max_window_bytes);

}  // namespace nau::oci
