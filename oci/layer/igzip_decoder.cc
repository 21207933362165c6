#include <algorithm>
#include <limits>

#ifdef NAU_HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "base/error.h"
#include "oci/layer/decoder.h"

namespace nau::oci {

#ifdef NAU_HAVE_ISAL

namespace {

uint32_t clamped(size_t size) noexcept {
    return static_cast<uint32_t>(std::min<size_t>(size, std::numeric_limits<uint32_t>::max()));
}

const char* explain(int result) noexcept {
    switch (result) {
        case ISAL_INVALID_BLOCK:
            return "invalid block";
        case ISAL_INVALID_SYMBOL:
            return "invalid symbol";
        case ISAL_INVALID_LOOKBACK:
            return "invalid distance";
        case ISAL_INVALID_WRAPPER:
            return "no gzip header";
        case ISAL_UNSUPPORTED_METHOD:
            return "unknown compression method";
        case ISAL_INCORRECT_CHECKSUM:
            return "checksum or length does not match";
        default:
            return "damaged data";
    }
}

class IgzipDecoder final : public Decoder {
  public:
    IgzipDecoder() : state_(std::make_unique<inflate_state>()) {}

    Step decode(std::span<const std::byte> input, std::span<std::byte> output) override {
        if (between_frames_ && !input.empty()) {
            isal_inflate_init(state_.get());
            state_->crc_flag = ISAL_GZIP;
            between_frames_ = false;
        }
        // ISA-L's interface does not say const.
        state_->next_in = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(input.data()));
        state_->avail_in = clamped(input.size());
        state_->next_out = reinterpret_cast<uint8_t*>(output.data());
        state_->avail_out = clamped(output.size());
        const uint32_t input_size = state_->avail_in;
        const uint32_t output_size = state_->avail_out;
        const int result = isal_inflate(state_.get());
        if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT) {
            throw Error(ErrorKind::corrupt, "gzip: {}", explain(result));
        }
        between_frames_ = state_->block_state == ISAL_BLOCK_FINISH;
        return {.consumed = input_size - state_->avail_in,
                .produced = output_size - state_->avail_out};
    }

    bool is_between_frames() const noexcept override { return between_frames_; }

  private:
    std::unique_ptr<inflate_state> state_;
    bool between_frames_ = true;
};

}  // namespace

std::unique_ptr<Decoder> make_igzip_decoder() {
    return std::make_unique<IgzipDecoder>();
}

#else

std::unique_ptr<Decoder> make_igzip_decoder() {
    return nullptr;
}

#endif

}  // namespace nau::oci
