#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/assert.h"
#include "base/error.h"
#include "oci/layer/tar_reader.h"
#include "oci/layer/whiteout.h"
#include "tests/support/tar_builder.h"

namespace {

using nau::oci::Chunk;
using nau::oci::LayerEntry;
using nau::oci::TarLimits;
using nau::oci::TarReader;

/// Mutations break checksums, behind which nothing is ever reached: whatever looks like a header
/// gets a good one.
void mend_checksums(std::string& bytes) {
    for (size_t offset = 0; offset + 512 <= bytes.size(); offset += 512) {
        if (bytes.compare(offset + 257, 5, "ustar") == 0) {
            nau::test::fix_checksum(bytes, offset);
        }
    }
}

void check_entry(const LayerEntry& entry, const TarLimits& limits) {
    NAU_ASSERT(!entry.path.empty() && entry.path.size() <= limits.max_path_bytes);
    NAU_ASSERT(entry.path.find('\0') == std::string::npos);
    NAU_ASSERT(entry.link_target.size() <= limits.max_path_bytes);
    NAU_ASSERT((entry.mode & ~07777U) == 0);
    NAU_ASSERT(entry.uid != UINT32_MAX && entry.gid != UINT32_MAX);
    NAU_ASSERT(entry.modified.nanoseconds < 1'000'000'000);
    NAU_ASSERT(entry.device_major < 1U << 12 && entry.device_minor < 1U << 20);
    NAU_ASSERT(entry.size <= limits.max_file_bytes);
    NAU_ASSERT(entry.type == nau::oci::EntryType::regular || entry.size == 0);
    for (const auto& [name, value] : entry.xattrs) {
        NAU_ASSERT(!name.empty() && name.size() <= 255 && value.size() <= size_t{64} << 10);
    }
}

/// A digest of all that was read, to compare two ways of cutting the stream.
std::string read_all(const std::string& bytes, size_t step) {
    const TarLimits limits = {.max_headers = 1000, .max_header_bytes = size_t{64} << 10};
    size_t position = 0;
    TarReader reader(
        [&] {
            const size_t size = std::min(step, bytes.size() - position);
            // A copy of its own, so that a sanitizer sees who reads beyond it.
            auto copy = std::make_shared<std::string>(bytes, position, size);
            position += size;
            return Chunk{.bytes = std::as_bytes(std::span<const char>(*copy)), .owner = copy};
        },
        limits);
    std::string seen;
    try {
        while (const auto* entry = reader.next()) {
            check_entry(*entry, limits);
            (void)nau::oci::parse_whiteout(entry->path);
            seen += entry->path + "|" + entry->link_target + "|";
            uint64_t end = 0;
            while (const auto piece = reader.next_content()) {
                NAU_ASSERT(!piece->bytes.empty() && piece->offset >= end);
                end = piece->offset + piece->bytes.size();
                NAU_ASSERT(end <= entry->size);
                seen.append(reinterpret_cast<const char*>(piece->bytes.data()),
                            piece->bytes.size());
            }
        }
    } catch (const nau::Error& error) {
        NAU_ASSERT(error.kind() == nau::ErrorKind::corrupt ||
                   error.kind() == nau::ErrorKind::unsupported);
        seen += "failed";
    }
    return seen;
}

}  // namespace

// What is read keeps to the limits, and does not depend on where the stream was cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string bytes(reinterpret_cast<const char*>(data), size);
    mend_checksums(bytes);
    const std::string whole = read_all(bytes, std::max<size_t>(bytes.size(), 1));
    NAU_ASSERT(read_all(bytes, 700) == whole);
    return 0;
}
