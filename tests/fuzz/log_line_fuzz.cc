#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "logs/codec.h"

// What is read is written again and read as the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace nau::logs;
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    std::string text;
    const auto record = parse_line(line, text);
    if (!record || record->text.find('\n') != std::string_view::npos) {
        return 0;  // docker may have line ends inside; nau does not write them
    }
    for (const Format format : {Format::k8s_file, Format::json_file}) {
        const Codec codec{.format = format, .tag = "t"};
        std::string out;
        codec.append(out, codec.time_text(record->time), *record);
        out.pop_back();
        std::string again_text;
        const auto again = parse_line(out, again_text);
        NAU_ASSERT(again && again->text == record->text && again->time == record->time &&
                   again->stream == record->stream && again->is_partial == record->is_partial);
    }
    return 0;
}
