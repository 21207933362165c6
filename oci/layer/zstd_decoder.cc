#include <algorithm>
#include <bit>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/error.h"
#include "oci/layer/decoder.h"

namespace nau::oci {

namespace {

struct ContextDeleter {
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

int window_log(uint64_t max_window_bytes) noexcept {
    const ZSTD_bounds bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
    const int wanted = static_cast<int>(std::bit_width(max_window_bytes)) - 1;
    return std::clamp(wanted, bounds.lowerBound, bounds.upperBound);
}

class ZstdDecoder final : public Decoder {
  public:
    explicit ZstdDecoder(uint64_t max_window_bytes) : context_(ZSTD_createDCtx()) {
        if (context_ == nullptr) {
            throw Error(ErrorKind::unavailable, "zstd: out of memory");
        }
        (void)ZSTD_DCtx_setParameter(  // within the bounds, hence cannot fail
            context_.get(),
            ZSTD_d_windowLogMax,
            window_log(max_window_bytes));
    }

    Step decode(std::span<const std::byte> input, std::span<std::byte> output) override {
        ZSTD_inBuffer in = {.src = input.data(), .size = input.size(), .pos = 0};
        ZSTD_outBuffer out = {.dst = output.data(), .size = output.size(), .pos = 0};
        const size_t result = ZSTD_decompressStream(context_.get(), &out, &in);
        if (ZSTD_isError(result) != 0) {
            fail(result);
        }
        between_frames_ = result == 0;
        return {.consumed = in.pos, .produced = out.pos};
    }

    bool is_between_frames() const noexcept override { return between_frames_; }

  private:
    [[noreturn]] static void fail(size_t result) {
        switch (ZSTD_getErrorCode(result)) {
            case ZSTD_error_memory_allocation:
                throw Error(ErrorKind::unavailable, "zstd: out of memory");
            case ZSTD_error_frameParameter_windowTooLarge:
                throw Error(ErrorKind::unsupported, "zstd: window is too large");
            default:
                throw Error(ErrorKind::corrupt, "zstd: {}", ZSTD_getErrorName(result));
        }
    }

    std::unique_ptr<ZSTD_DCtx, ContextDeleter> context_;
    bool between_frames_ = true;
};

}  // namespace

std::unique_ptr<Decoder> make_zstd_decoder(uint64_t max_window_bytes) {
    return std::make_unique<ZstdDecoder>(max_window_bytes);
}

}  // namespace nau::oci
