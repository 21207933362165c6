#include <algorithm>
#include <limits>
#include <zlib.h>

#include "base/error.h"
#include "oci/layer/decoder.h"

namespace nau::oci {

namespace {

// 16: with gzip header and trailer, checksum and length verified.
constexpr int kGzipWindowBits = MAX_WBITS + 16;

uInt clamped(size_t size) noexcept {
    return static_cast<uInt>(std::min<size_t>(size, std::numeric_limits<uInt>::max()));
}

class ZlibDecoder final : public Decoder {
  public:
    ZlibDecoder() {
        if (inflateInit2(&stream_, kGzipWindowBits) != Z_OK) {
            throw Error(ErrorKind::unavailable, "gzip: out of memory");
        }
    }
    ~ZlibDecoder() override { inflateEnd(&stream_); }
    ZlibDecoder(const ZlibDecoder&) = delete;
    ZlibDecoder& operator=(const ZlibDecoder&) = delete;

    Step decode(std::span<const std::byte> input, std::span<std::byte> output) override {
        if (between_frames_ && !input.empty()) {
            inflateReset(&stream_);
            between_frames_ = false;
        }
        // zlib's interface is older than const.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
        stream_.avail_in = clamped(input.size());
        stream_.next_out = reinterpret_cast<Bytef*>(output.data());
        stream_.avail_out = clamped(output.size());
        const uInt input_size = stream_.avail_in;
        const uInt output_size = stream_.avail_out;
        const int result = inflate(&stream_, Z_NO_FLUSH);
        if (result == Z_STREAM_END) {
            between_frames_ = true;
        } else if (result == Z_MEM_ERROR) {
            throw Error(ErrorKind::unavailable, "gzip: out of memory");
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            throw Error(ErrorKind::corrupt,
                        "gzip: {}",
                        stream_.msg != nullptr ? stream_.msg : "damaged data");
        }
        return {.consumed = input_size - stream_.avail_in,
                .produced = output_size - stream_.avail_out};
    }

    bool is_between_frames() const noexcept override { return between_frames_; }

  private:
    z_stream stream_ = {};
    bool between_frames_ = true;
};

}  // namespace

std::unique_ptr<Decoder> make_zlib_decoder() {
    return std::make_unique<ZlibDecoder>();
}

}  // namespace nau::oci
