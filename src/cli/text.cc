#include "cli/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/core.h>

namespace nau::cli {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct Character {
    uint32_t code = 0;
    size_t length = 1;
    bool is_valid = false;
};

/// The first character of a text that is not empty.
Character first_character(std::string_view text) noexcept {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80U) {
        return {.code = lead, .length = 1, .is_valid = true};
    }
    const size_t length = lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : 2;
    if (lead < 0xC2U || lead > 0xF4U || text.size() < length) {
        return {};
    }
    uint32_t code = lead & (0x7FU >> length);
    for (size_t i = 1; i < length; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xC0U) != 0x80U) {
            return {};
        }
        code = code << 6U | (byte & 0x3FU);
    }
    constexpr std::array<uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
    const bool is_surrogate = code >= 0xD800U && code <= 0xDFFFU;
    if (code < kSmallest.at(length) || code > 0x10FFFFU || is_surrogate) {
        return {};
    }
    return {.code = code, .length = length, .is_valid = true};
}

struct Range {
    uint32_t first;
    uint32_t last;
};

// Blocks, not single characters: near enough for columns.
constexpr std::array kCombining = {Range{0x0300, 0x036F},
                                   Range{0x0483, 0x0489},
                                   Range{0x0591, 0x05BD},
                                   Range{0x0610, 0x061A},
                                   Range{0x064B, 0x065F},
                                   Range{0x1AB0, 0x1AFF},
                                   Range{0x1DC0, 0x1DFF},
                                   Range{0x200B, 0x200F},
                                   Range{0x202A, 0x202E},
                                   Range{0x2060, 0x2064},
                                   Range{0x2066, 0x206F},
                                   Range{0x20D0, 0x20FF},
                                   Range{0xFE00, 0xFE0F},
                                   Range{0xFE20, 0xFE2F},
                                   Range{0xFEFF, 0xFEFF},
                                   Range{0xE0100, 0xE01EF}};

constexpr std::array kWide = {Range{0x1100, 0x115F},
                              Range{0x2E80, 0x303E},
                              Range{0x3041, 0x33FF},
                              Range{0x3400, 0x4DBF},
                              Range{0x4E00, 0x9FFF},
                              Range{0xA000, 0xA4CF},
                              Range{0xAC00, 0xD7A3},
                              Range{0xF900, 0xFAFF},
                              Range{0xFE30, 0xFE4F},
                              Range{0xFF00, 0xFF60},
                              Range{0xFFE0, 0xFFE6},
                              Range{0x1F300, 0x1F64F},
                              Range{0x1F680, 0x1F6FF},
                              Range{0x1F900, 0x1F9FF},
                              Range{0x20000, 0x3FFFD}};

template <size_t size>
bool is_in(uint32_t code, const std::array<Range, size>& ranges) noexcept {
    return std::any_of(ranges.begin(), ranges.end(), [code](const Range& range) {
        return code >= range.first && code <= range.last;
    });
}

bool is_control(uint32_t code) noexcept {
    return code < 0x20U || (code >= 0x7FU && code < 0xA0U);
}

/// Marks that turn the direction of the text around could make a name look like another.
bool is_bidi_control(uint32_t code) noexcept {
    return (code >= 0x202AU && code <= 0x202EU) || (code >= 0x2066U && code <= 0x2069U);
}

size_t width_of(const Character& character) noexcept {
    if (!character.is_valid) {
        return 1;
    }
    if (is_control(character.code) || is_in(character.code, kCombining)) {
        return 0;
    }
    return is_in(character.code, kWide) ? 2 : 1;
}

std::string escaped(uint32_t code) {
    switch (code) {
        case '\n':
            return "\\n";
        case '\r':
            return "\\r";
        case '\t':
            return "\\t";
        default:
            return code < 0x100U ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
    }
}

}  // namespace

namespace {

/// Most texts: one column per byte, nothing to escape.
bool is_plain(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F; });
}

}  // namespace

size_t display_width(std::string_view text) noexcept {
    if (is_plain(text)) {
        return text.size();
    }
    size_t width = 0;
    while (!text.empty()) {
        const Character character = first_character(text);
        width += width_of(character);
        text.remove_prefix(character.length);
    }
    return width;
}

std::string escape_control(std::string_view text) {
    if (is_plain(text)) {
        return std::string(text);
    }
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const Character character = first_character(text);
        if (!character.is_valid) {
            out += kReplacement;
        } else if (is_control(character.code) || is_bidi_control(character.code)) {
            out += escaped(character.code);
        } else {
            out += text.substr(0, character.length);
        }
        text.remove_prefix(character.length);
    }
    return out;
}

std::string truncate_to_width(std::string_view text, size_t columns) {
    if (display_width(text) <= columns) {
        return std::string(text);
    }
    if (columns == 0) {
        return {};
    }
    size_t used = 0;
    size_t length = 0;
    while (length < text.size()) {
        const Character character = first_character(text.substr(length));
        const size_t width = width_of(character);
        if (used + width > columns - 1) {
            break;
        }
        used += width;
        length += character.length;
    }
    return std::string(text.substr(0, length)) + "…";
}

std::vector<std::string_view> wrap(std::string_view text, size_t columns) {
    std::vector<std::string_view> lines;
    while (display_width(text) > columns) {
        size_t cut = text.npos;
        for (size_t blank = text.find(' '); blank != text.npos; blank = text.find(' ', blank + 1)) {
            if (cut != text.npos && display_width(text.substr(0, blank)) > columns) {
                break;
            }
            cut = blank;
        }
        if (cut == text.npos) {
            break;
        }
        lines.push_back(text.substr(0, cut));
        text.remove_prefix(cut + 1);
    }
    lines.push_back(text);
    return lines;
}

}  // namespace nau::cli
