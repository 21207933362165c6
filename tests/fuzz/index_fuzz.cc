#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "base/error.h"
#include "oci/manifest.h"
#include "oci/platform.h"

// What is accepted survives being written, and a choice from it is one of its entries that fits.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    nau::oci::Index index;
    try {
        index = nau::oci::parse_index(bytes, "");
    } catch (const nau::Error& error) {
        NAU_ASSERT(error.kind() == nau::ErrorKind::corrupt ||
                   error.kind() == nau::ErrorKind::unsupported);
        return 0;
    }
    NAU_ASSERT(nau::oci::parse_index(to_json_text(index), index.media_type) == index);
    for (const auto& wanted : {nau::oci::Platform{.os = "linux", .architecture = "amd64"},
                               nau::oci::Platform{.os = "linux", .architecture = "arm64"}}) {
        const auto* chosen = choose_platform(index.manifests, wanted);
        NAU_ASSERT(chosen == nullptr || !chosen->platform || match_rank(*chosen->platform, wanted));
    }
    return 0;
}
