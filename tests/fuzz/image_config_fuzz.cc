#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "base/error.h"
#include "oci/image_config.h"

// What is accepted survives being written, and every environment entry has a name and a value.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    bool is_read = false;
    try {
        const auto image = nau::oci::parse_image_config(bytes);
        is_read = true;
        NAU_ASSERT(nau::oci::parse_image_config(to_json_text(image)) == image);
        const auto& env = image.config.env;
        NAU_ASSERT(std::all_of(env.begin(), env.end(), [](const auto& entry) {
            const size_t equals = entry.find('=');
            return equals != entry.npos && equals != 0;
        }));
    } catch (const nau::Error& error) {
        NAU_ASSERT(!is_read);
        NAU_ASSERT(error.kind() == nau::ErrorKind::corrupt);
    }
    return 0;
}
