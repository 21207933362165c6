#include "oci/layer/compress.h"

#include <array>
#include <string>
#include <zstd.h>

#include "base/error.h"
#include "oci/layer/gzip_compressor.h"

namespace nau::oci {

namespace {

constexpr int kGzipLevel = 6;
constexpr int kZstdLevel = 3;
constexpr int kMaxGzipLevel = 9;
constexpr int kMaxZstdLevel = 19;

class PlainCompressor final : public Compressor {
  public:
    explicit PlainCompressor(ByteSink sink) : sink_(std::move(sink)) {}
    void write(std::span<const std::byte> bytes) override {
        if (!bytes.empty()) {
            sink_(bytes);
        }
    }
    void finish() override {}

  private:
    ByteSink sink_;
};

struct ContextDeleter {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};

/// One thread: several would give other bytes, and it is fast enough.
class ZstdCompressor final : public Compressor {
  public:
    ZstdCompressor(ByteSink sink, int level) : sink_(std::move(sink)), context_(ZSTD_createCCtx()) {
        if (context_ == nullptr) {
            throw Error(ErrorKind::unavailable, "zstd: out of memory");
        }
        check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level));
        check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1));
    }

    void write(std::span<const std::byte> bytes) override { run(bytes, ZSTD_e_continue); }
    void finish() override { run({}, ZSTD_e_end); }

  private:
    static size_t check(size_t result) {
        if (ZSTD_isError(result) != 0) {
            throw Error(ErrorKind::internal, "zstd: {}", ZSTD_getErrorName(result));
        }
        return result;
    }

    void run(std::span<const std::byte> bytes, ZSTD_EndDirective end) {
        ZSTD_inBuffer input = {.src = bytes.data(), .size = bytes.size(), .pos = 0};
        for (;;) {
            ZSTD_outBuffer output = {.dst = buffer_.data(), .size = buffer_.size(), .pos = 0};
            const size_t left = check(ZSTD_compressStream2(context_.get(), &output, &input, end));
            if (output.pos > 0) {
                sink_(std::span(buffer_).first(output.pos));
            }
            const bool is_done = end == ZSTD_e_end ? left == 0 : input.pos == input.size;
            if (is_done) {
                return;
            }
        }
    }

    ByteSink sink_;
    std::unique_ptr<ZSTD_CCtx, ContextDeleter> context_;
    std::array<std::byte, size_t{128} << 10U> buffer_;
};

int checked_level(std::optional<int> wanted, int standard, int highest, const char* format) {
    const int level = wanted.value_or(standard);
    if (level < 1 || level > highest) {
        throw Error(
            ErrorKind::invalid, "{} has the levels 1 to {}, not {}", format, highest, level);
    }
    return level;
}

}  // namespace

std::unique_ptr<Compressor> make_compressor(Compression compression,
                                            ByteSink sink,
                                            const CompressOptions& options) {
    switch (compression) {
        case Compression::none:
            return std::make_unique<PlainCompressor>(std::move(sink));
        case Compression::gzip:
            return make_gzip_compressor(
                std::move(sink),
                checked_level(options.level, kGzipLevel, kMaxGzipLevel, "gzip"),
                options.threads);
        case Compression::zstd:
            return std::make_unique<ZstdCompressor>(
                std::move(sink), checked_level(options.level, kZstdLevel, kMaxZstdLevel, "zstd"));
    }
    throw Error(ErrorKind::internal, "unknown compression");
}

}  // namespace nau::oci
