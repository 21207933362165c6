#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "oci/layer/printable.h"
#include "oci/layer/whiteout.h"
#include "storage/layers/entry_path.h"

// Whatever path a layer writes, its names are plain ones, and what a whiteout hides is one too.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using Kind = nau::oci::WhiteoutName::Kind;
    const std::string_view path(reinterpret_cast<const char*>(data), size);
    const auto is_plain = [](std::string_view name) {
        return !name.empty() && name != "." && name != ".." &&
               name.find('/') == std::string_view::npos;
    };
    for (const auto name : nau::storage::clean_path(path)) {
        NAU_ASSERT(is_plain(name));
        const auto whiteout = nau::oci::parse_whiteout(name);
        NAU_ASSERT((whiteout.kind == Kind::none) == !name.starts_with(".wh."));
        NAU_ASSERT((whiteout.kind == Kind::whiteout) == !whiteout.target.empty());
        NAU_ASSERT(whiteout.kind != Kind::whiteout || is_plain(whiteout.target));
    }
    for (const char c : nau::oci::printable(path)) {
        NAU_ASSERT(c >= ' ' && c <= '~');
    }
    return 0;
}
