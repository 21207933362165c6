#include "oci/layer/printable.h"

#include <fmt/core.h>

namespace nau::oci {

namespace {

constexpr size_t kLongest = 240;
constexpr size_t kKeptAtEachEnd = 110;

void append_printable(std::string& text, std::string_view bytes) {
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
            text += c;
        } else {
            text += fmt::format("\\x{:02x}", byte);
        }
    }
}

}  // namespace

std::string printable(std::string_view bytes) {
    std::string text;
    if (bytes.size() <= kLongest) {
        append_printable(text, bytes);
        return text;
    }
    append_printable(text, bytes.substr(0, kKeptAtEachEnd));
    text += fmt::format("[{} bytes]", bytes.size() - 2 * kKeptAtEachEnd);
    append_printable(text, bytes.substr(bytes.size() - kKeptAtEachEnd));
    return text;
}

}  // namespace nau::oci
