#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/format_template.h"

// Any text parses or is refused, and what parses renders or fails with an Error, within its limits.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const nlohmann::json kSample = {{"ID", "4f5e"},
                                           {"N", 42},
                                           {"F", 1.5},
                                           {"T", true},
                                           {"Z", nullptr},
                                           {"List", {"a", "b", {{"x", 1}}}},
                                           {"Labels", {{"a", "1"}, {"b.c", "2"}}}};
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const auto format = nau::cli::FormatTemplate::parse(text);
        (void)format.ranges_over_dot();
        try {
            (void)format.render(kSample);
        } catch (const nau::Error&) {
            // the sample has no such field
        }
        (void)format.render_headings({{"ID", "CONTAINER ID"}});
    } catch (const nau::Error&) {
        // refused
    }
    return 0;
}
