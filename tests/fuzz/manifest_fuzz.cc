#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "base/error.h"
#include "oci/manifest.h"
#include "oci/media_type.h"

// A document is a manifest or an index, never both; what is accepted survives being written.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    bool is_manifest = false;
    try {
        const auto manifest = nau::oci::parse_manifest(bytes, "");
        is_manifest = true;
        NAU_ASSERT(nau::oci::parse_manifest(to_json_text(manifest), manifest.media_type) ==
                   manifest);
        NAU_ASSERT(nau::oci::detect_media_type(bytes) == manifest.media_type);
    } catch (const nau::Error& error) {
        NAU_ASSERT(!is_manifest);
        NAU_ASSERT(error.kind() == nau::ErrorKind::corrupt ||
                   error.kind() == nau::ErrorKind::unsupported);
    }
    try {
        (void)nau::oci::parse_index(bytes, nau::oci::media_type::kImageIndex);
        NAU_ASSERT(!is_manifest);
    } catch (const nau::Error&) {
    }
    return 0;
}
