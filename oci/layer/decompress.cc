#include "oci/layer/decompress.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "oci/layer/decoder.h"
#include "oci/layer/tar_header.h"

namespace nau::oci {

namespace {

constexpr size_t kInputBufferSize = size_t{256} << 10;

std::string_view as_text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_gzip(std::string_view head) noexcept {
    return head.starts_with("\x1f\x8b\x08");
}

bool is_zstd(std::string_view head) noexcept {
    // A skippable frame (0x184D2A5?, little-endian) may come first.
    return head.starts_with("\x28\xb5\x2f\xfd") ||
           (head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xf0) == 0x50 &&
            head.substr(1, 3) == "\x2a\x4d\x18");
}

bool is_tar(std::span<const std::byte> head) noexcept {
    if (head.empty()) {
        return true;
    }
    if (head.size() < kTarBlockSize) {
        return false;
    }
    const TarBlock block(head.first<kTarBlockSize>());
    return block.is_zero() || block.format() != TarFormat::unknown;
}

void refuse_foreign_compression(std::string_view head) {
    if (head.starts_with("BZh")) {
        throw Error(ErrorKind::unsupported, "layers compressed with bzip2 are not supported");
    }
    if (head.starts_with(std::string_view("\xfd"
                                          "7zXZ\0",
                                          6))) {
        throw Error(ErrorKind::unsupported, "layers compressed with xz are not supported");
    }
}

std::unique_ptr<Decoder> make_decoder(Compression compression, const DecompressLimits& limits) {
    if (compression == Compression::zstd) {
        return make_zstd_decoder(limits.max_window_bytes);
    }
    auto decoder = make_igzip_decoder();
    return decoder != nullptr ? std::move(decoder) : make_zlib_decoder();
}

}  // namespace

Compression detect_compression(std::span<const std::byte> head, Compression declared) {
    const auto text = as_text(head);
    // Some bytes are both: what was declared comes first.
    if (declared == Compression::none && is_tar(head)) {
        return Compression::none;
    }
    if (is_gzip(text)) {
        return Compression::gzip;
    }
    if (is_zstd(text)) {
        return Compression::zstd;
    }
    if (is_tar(head) && !head.empty()) {
        return Compression::none;
    }
    refuse_foreign_compression(text);
    if (declared == Compression::none) {
        return Compression::none;  // a damaged tar, as its reader will find
    }
    throw Error(ErrorKind::corrupt, "layer is declared as {}, but is not", to_string(declared));
}

class Decompressor::Impl {
  public:
    Impl(ByteSource source, Compression declared, const DecompressLimits& limits)
        : source_(std::move(source)), compression_(declared), limits_(limits) {}

    size_t read(std::span<std::byte> buffer) {
        start();
        size_t filled = 0;
        while (filled < buffer.size()) {
            const size_t produced = decoder_ != nullptr ? decode_into(buffer.subspan(filled))
                                                        : copy_into(buffer.subspan(filled));
            if (produced == 0) {
                break;
            }
            filled += produced;
            output_bytes_ += produced;
            check_limits();
        }
        return filled;
    }

    Compression compression() const noexcept { return compression_; }
    uint64_t input_bytes() const noexcept { return input_bytes_; }
    uint64_t output_bytes() const noexcept { return output_bytes_; }

  private:
    /// Looks at the first bytes, once.
    void start() {
        if (started_) {
            return;
        }
        started_ = true;
        buffer_.resize(kInputBufferSize);
        while (input_.size() < kTarBlockSize && refill()) {
        }
        compression_ = detect_compression(input_, compression_);
        if (compression_ != Compression::none) {
            decoder_ = make_decoder(compression_, limits_);
        }
    }

    /// At least one byte; 0 at the end.
    size_t decode_into(std::span<std::byte> output) {
        for (;;) {
            if (input_.empty() && !refill() && decoder_->is_between_frames()) {
                return 0;
            }
            const bool begins_frame = decoder_->is_between_frames();
            if (begins_frame && frames_ > 0) {
                check_frame_start();
            }
            frames_ += begins_frame ? 1 : 0;
            const auto step = decoder_->decode(input_, output);
            input_ = input_.subspan(step.consumed);
            if (step.produced > 0) {
                return step.produced;
            }
            if (step.consumed == 0 && !refill()) {
                throw Error(ErrorKind::corrupt,
                            "layer is truncated: its {} data end too soon",
                            to_string(compression_));
            }
        }
    }

    /// What follows a frame must be another one.
    void check_frame_start() {
        while (input_.size() < 4 && refill()) {
        }
        const auto text = as_text(input_);
        const bool is_frame = compression_ == Compression::gzip ? is_gzip(text) : is_zstd(text);
        if (!is_frame) {
            throw Error(ErrorKind::corrupt,
                        "layer has foreign bytes after its {} data",
                        to_string(compression_));
        }
    }

    size_t copy_into(std::span<std::byte> output) {
        if (input_.empty()) {
            return pull(output);
        }
        const size_t size = std::min(input_.size(), output.size());
        std::memcpy(output.data(), input_.data(), size);
        input_ = input_.subspan(size);
        return size;
    }

    /// Adds to what is left of the input; false at the end of the source.
    bool refill() {
        if (!input_.empty()) {
            std::memmove(buffer_.data(), input_.data(), input_.size());
        }
        const size_t added = pull(std::span(buffer_).subspan(input_.size()));
        input_ = std::span(buffer_).first(input_.size() + added);
        return added > 0;
    }

    size_t pull(std::span<std::byte> buffer) {
        if (source_ended_) {
            return 0;
        }
        const size_t size = source_(buffer);
        source_ended_ = size == 0;
        input_bytes_ += size;
        return size;
    }

    void check_limits() const {
        if (limits_.max_output_bytes != 0 && output_bytes_ > limits_.max_output_bytes) {
            throw Error(ErrorKind::corrupt,
                        "layer is larger than {} bytes when unpacked",
                        limits_.max_output_bytes);
        }
        if (compression_ != Compression::none && output_bytes_ > limits_.ratio_grace_bytes &&
            output_bytes_ / limits_.max_ratio > input_bytes_) {
            throw Error(ErrorKind::corrupt,
                        "layer expands to more than {} times its size",
                        limits_.max_ratio);
        }
    }

    ByteSource source_;
    Compression compression_;
    DecompressLimits limits_;
    std::unique_ptr<Decoder> decoder_;
    std::vector<std::byte> buffer_;
    std::span<const std::byte> input_;  ///< in buffer_, not yet decoded
    uint64_t frames_ = 0;
    uint64_t input_bytes_ = 0;
    uint64_t output_bytes_ = 0;
    bool started_ = false;
    bool source_ended_ = false;
};

Decompressor::Decompressor(ByteSource source, Compression declared, const DecompressLimits& limits)
    : impl_(std::make_unique<Impl>(std::move(source), declared, limits)) {}

Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

size_t Decompressor::read(std::span<std::byte> buffer) {
    return impl_->read(buffer);
}

Compression Decompressor::compression() const noexcept {
    return impl_->compression();
}

uint64_t Decompressor::input_bytes() const noexcept {
    return impl_->input_bytes();
}

uint64_t Decompressor::output_bytes() const noexcept {
    return impl_->output_bytes();
}

}  // namespace nau::oci
