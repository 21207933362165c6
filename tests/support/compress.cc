#include "tests/support/compress.h"

#include <zlib.h>
#include <zstd.h>

#include "base/assert.h"

namespace nau::test {

std::string gzip(std::string_view bytes, int level) {
    z_stream stream = {};
    NAU_ASSERT(deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY) ==
               Z_OK);
    std::string result(deflateBound(&stream, bytes.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(result.data());
    stream.avail_out = static_cast<uInt>(result.size());
    NAU_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    result.resize(stream.total_out);
    deflateEnd(&stream);
    return result;
}

std::string zstd(std::string_view bytes, int level, int window_log) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    if (window_log != 0) {
        ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
        // With a known size the frame would not need its window.
        ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    }
    std::string result(ZSTD_compressBound(bytes.size()) + 64, '\0');
    ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
    ZSTD_outBuffer out = {result.data(), result.size(), 0};
    if (window_log != 0) {
        // Streaming: the encoder must not see the whole input as one shot and shrink the window.
        ZSTD_inBuffer nothing = {bytes.data(), 0, 0};
        NAU_ASSERT(ZSTD_isError(ZSTD_compressStream2(context, &out, &nothing, ZSTD_e_flush)) == 0);
    }
    NAU_ASSERT(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end) == 0);
    result.resize(out.pos);
    ZSTD_freeCCtx(context);
    return result;
}

std::string zstd_skippable_frame(std::string_view bytes) {
    std::string frame("\x50\x2a\x4d\x18", 4);
    for (size_t shift = 0; shift < 32; shift += 8) {
        frame += static_cast<char>(bytes.size() >> shift & 0xff);
    }
    return frame.append(bytes);
}

}  // namespace nau::test
