#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "base/error.h"
#include "oci/reference.h"

// What is accepted is the same reference again in both of its written forms, and no part can lead
// out of a path or a URL.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using nau::oci::parse_reference;
    try {
        const auto reference =
            parse_reference(std::string_view(reinterpret_cast<const char*>(data), size));
        NAU_ASSERT(parse_reference(reference.to_string()) == reference);
        NAU_ASSERT(parse_reference(reference.familiar()) == reference);
        NAU_ASSERT(reference.tag() || reference.digest());
        NAU_ASSERT(!reference.repository().empty());
        NAU_ASSERT(reference.repository().find("..") == std::string::npos);
        NAU_ASSERT(reference.to_string().find_first_of(" %?#\\\n") == std::string::npos);
    } catch (const nau::Error& error) {
        NAU_ASSERT(error.kind() == nau::ErrorKind::invalid);
    }
    return 0;
}
