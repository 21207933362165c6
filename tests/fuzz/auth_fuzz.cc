#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "base/error.h"
#include "oci/registry/auth.h"
#include "oci/registry/credentials.h"

// Challenges, token answers and auth files.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& challenge : nau::oci::parse_auth_challenges(text)) {
        NAU_ASSERT(!challenge.scheme.empty());
    }
    try {
        const auto token = nau::oci::parse_token(text);
        NAU_ASSERT(!token.value.empty());
        NAU_ASSERT(std::all_of(
            token.value.begin(), token.value.end(), [](char c) { return c > ' ' && c < '\x7f'; }));
    } catch (const nau::Error& error) {
        NAU_ASSERT(error.kind() == nau::ErrorKind::corrupt);
    }
    try {
        (void)nau::oci::find_in_auth_file(text, "auth.json", "quay.io", "a/b");
    } catch (const nau::Error& error) {
        NAU_ASSERT(error.kind() == nau::ErrorKind::corrupt);
    }
    return 0;
}
