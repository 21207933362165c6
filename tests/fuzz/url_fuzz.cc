#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "oci/registry/url.h"

// What is accepted is the same URL again when written, and carries neither a user nor anything that
// would end a line.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto base = nau::oci::parse_url("https://base.example:5000/v2/a?b").value();
    for (const auto& url : {nau::oci::parse_url(text), nau::oci::resolve_url(base, text)}) {
        if (!url) {
            continue;
        }
        NAU_ASSERT(nau::oci::parse_url(to_string(*url)) == url);
        NAU_ASSERT(url->scheme == "http" || url->scheme == "https");
        NAU_ASSERT(url->host.find_first_of("@/\\ %\r\n") == std::string::npos);
        NAU_ASSERT(url->target.starts_with('/'));
        NAU_ASSERT(url->target.find_first_of(" \r\n#") == std::string::npos);
    }
    return 0;
}
