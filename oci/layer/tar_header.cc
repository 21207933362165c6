#include "oci/layer/tar_header.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace nau::oci {

namespace {

constexpr std::string_view kUstarMagic("ustar\0", 6);
constexpr std::string_view kGnuMagic("ustar  \0", 8);
constexpr std::string_view kStarTrailer("tar\0", 4);
constexpr size_t kChecksumOffset = 148;
constexpr size_t kChecksumSize = 8;

std::optional<int64_t> octal_number(std::string_view field) noexcept {
    constexpr std::string_view kPadding(" \0", 2);
    const size_t first = field.find_first_not_of(kPadding);
    if (first == std::string_view::npos) {
        return 0;
    }
    field = field.substr(first, field.find_last_not_of(kPadding) - first + 1);
    field = tar_string(field);
    int64_t value = 0;
    for (const char c : field) {
        // A field has at most 12 digits: no overflow.
        if (c < '0' || c > '7') {
            return std::nullopt;
        }
        value = value * 8 + (c - '0');
    }
    return value;
}

std::optional<int64_t> binary_number(std::string_view field) noexcept {
    // Two's complement over all bits but the first, which only marks the form.
    const bool is_negative = (field[0] & 0x40) != 0;
    const uint8_t inversion = is_negative ? 0xff : 0;
    uint64_t magnitude = 0;
    for (size_t i = 0; i < field.size(); ++i) {
        auto byte = static_cast<uint8_t>(static_cast<uint8_t>(field[i]) ^ inversion);
        if (i == 0) {
            byte &= 0x7f;
        }
        if ((magnitude >> 56) != 0) {
            return std::nullopt;
        }
        magnitude = magnitude << 8 | byte;
    }
    if (magnitude > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        return std::nullopt;
    }
    const auto value = static_cast<int64_t>(magnitude);
    return is_negative ? ~value : value;
}

/// The sum of all bytes, with the checksum's own field counted as blanks.
template <typename Byte>
int sum_of(std::string_view block) noexcept {
    int sum = 0;
    for (const char c : block) {
        sum += static_cast<Byte>(c);
    }
    for (const char c : block.substr(kChecksumOffset, kChecksumSize)) {
        sum += ' ' - static_cast<Byte>(c);
    }
    return sum;
}

}  // namespace

bool TarBlock::is_zero() const noexcept {
    return text_[0] == '\0' && std::memcmp(text_.data(), text_.data() + 1, text_.size() - 1) == 0;
}

TarFormat TarBlock::format() const noexcept {
    const auto stored = octal_number(checksum());
    if (!stored || (*stored != sum_of<unsigned char>(text_) &&
                    // Old implementations summed signed characters.
                    *stored != sum_of<signed char>(text_))) {
        return TarFormat::unknown;
    }
    if (text_.substr(257, 6) == kUstarMagic) {
        return text_.substr(508, 4) == kStarTrailer ? TarFormat::star : TarFormat::ustar;
    }
    if (text_.substr(257, 8) == kGnuMagic) {
        return TarFormat::gnu;
    }
    return TarFormat::v7;
}

std::string_view tar_string(std::string_view field) noexcept {
    return field.substr(0, std::min(field.find('\0'), field.size()));
}

std::optional<int64_t> tar_number(std::string_view field) noexcept {
    if (!field.empty() && (field[0] & 0x80) != 0) {
        return binary_number(field);
    }
    return octal_number(field);
}

}  // namespace nau::oci
