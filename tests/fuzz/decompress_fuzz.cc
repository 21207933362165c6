#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "base/assert.h"
#include "base/error.h"
#include "oci/layer/decompress.h"

namespace {

/// nullopt: refused.
std::optional<std::string> decompress(const uint8_t* data,
                                      size_t size,
                                      size_t step,
                                      nau::oci::Compression declared) {
    constexpr uint64_t kMaxOutput = uint64_t{1} << 20;
    size_t position = 0;
    const auto source = [&](std::span<std::byte> buffer) {
        const size_t count = std::min({buffer.size(), step, size - position});
        std::memcpy(buffer.data(), data + position, count);
        position += count;
        return count;
    };
    nau::oci::Decompressor decompressor(
        source, declared, {.max_output_bytes = kMaxOutput, .max_window_bytes = kMaxOutput});
    std::string output;
    std::string buffer(4096, '\0');
    try {
        for (size_t count = buffer.size(); count == buffer.size();) {
            count = decompressor.read(
                std::span(reinterpret_cast<std::byte*>(buffer.data()), buffer.size()));
            output.append(buffer, 0, count);
        }
    } catch (const nau::Error& error) {
        NAU_ASSERT(error.kind() == nau::ErrorKind::corrupt ||
                   error.kind() == nau::ErrorKind::unsupported);
        return std::nullopt;
    }
    NAU_ASSERT(output.size() <= kMaxOutput);
    NAU_ASSERT(decompressor.input_bytes() == size);
    return output;
}

}  // namespace

// A stream is accepted or refused, and read to its end, wherever it is cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    for (const auto declared :
         {nau::oci::Compression::none, nau::oci::Compression::gzip, nau::oci::Compression::zstd}) {
        const auto whole = decompress(data, size, SIZE_MAX, declared);
        NAU_ASSERT(decompress(data, size, 7, declared) == whole);
    }
    return 0;
}
