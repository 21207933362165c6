#include "base/parse.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace nau {

namespace {

template <typename Number>
std::optional<Number> parse_whole(std::string_view text, int base) noexcept {
    Number value{};
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value, base);
    if (text.empty() || result.ec != std::errc{} || result.ptr != end) {
        return std::nullopt;
    }
    return value;
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// The longest prefix of digits and at most one point.
std::string_view number_prefix(std::string_view text) noexcept {
    size_t length = 0;
    bool has_point = false;
    while (length < text.size() &&
           (is_digit(text[length]) || (text[length] == '.' && !has_point))) {
        has_point = has_point || text[length] == '.';
        ++length;
    }
    return text.substr(0, length);
}

std::optional<uint64_t> size_factor(std::string_view suffix) {
    const std::string unit = to_lower(suffix);
    if (unit.empty() || unit == "b") {
        return 1;
    }
    constexpr std::string_view kUnits = "kmgtp";
    const size_t power = kUnits.find(unit.front());
    const std::string_view rest = std::string_view(unit).substr(1);
    if (power == kUnits.npos || !(rest.empty() || rest == "b" || rest == "ib")) {
        return std::nullopt;
    }
    return uint64_t{1} << (10 * (power + 1));
}

std::optional<double> nanoseconds_of_unit(std::string_view unit) noexcept {
    struct Unit {
        std::string_view name;
        double nanoseconds;
    };
    constexpr std::array kUnits = {Unit{"ns", 1.0},
                                   Unit{"us", 1e3},
                                   Unit{"µs", 1e3},
                                   Unit{"ms", 1e6},
                                   Unit{"s", 1e9},
                                   Unit{"m", 60e9},
                                   Unit{"h", 3600e9},
                                   Unit{"d", 86400e9}};
    for (const auto& entry : kUnits) {
        if (entry.name == unit) {
            return entry.nanoseconds;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<uint64_t> parse_uint64(std::string_view text) noexcept {
    return parse_whole<uint64_t>(text, 10);
}

std::optional<int64_t> parse_int64(std::string_view text) noexcept {
    return parse_whole<int64_t>(text, 10);
}

std::optional<uint64_t> parse_octal(std::string_view text) noexcept {
    return parse_whole<uint64_t>(text, 8);
}

std::optional<double> parse_decimal(std::string_view text) noexcept {
    if (number_prefix(text) != text) {
        return std::nullopt;
    }
    double value = 0;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    if (result.ec != std::errc{} || result.ptr != end || !std::isfinite(value)) {
        return std::nullopt;
    }
    return value;
}

uint64_t parse_size_bytes(std::string_view text) {
    const std::string_view number = number_prefix(text);
    const auto factor = size_factor(text.substr(number.size()));
    if (factor && !number.empty()) {
        if (const auto whole = parse_uint64(number)) {
            if (*whole <= std::numeric_limits<uint64_t>::max() / *factor) {
                return *whole * *factor;
            }
        } else if (const auto value = parse_decimal(number)) {
            const double bytes = *value * static_cast<double>(*factor);
            if (bytes < 9.2e18) {
                return static_cast<uint64_t>(bytes);
            }
        }
    }
    throw Error(ErrorKind::invalid, "invalid size '{}' (a number with b, k, m, g or t)", text);
}

std::chrono::nanoseconds parse_duration(std::string_view text) {
    const auto invalid = [&] {
        return Error(
            ErrorKind::invalid, "invalid duration '{}' (such as 10s, 1m30s or 250ms)", text);
    };
    if (const auto seconds = parse_uint64(text)) {
        if (*seconds > 9'000'000'000) {
            throw invalid();
        }
        return std::chrono::seconds(*seconds);
    }
    double total = 0;
    std::string_view rest = text;
    if (rest.empty()) {
        throw invalid();
    }
    while (!rest.empty()) {
        const std::string_view number = number_prefix(rest);
        rest.remove_prefix(number.size());
        size_t unit_length = 0;
        while (unit_length < rest.size() && !is_digit(rest[unit_length]) &&
               rest[unit_length] != '.') {
            ++unit_length;
        }
        const auto value = parse_decimal(number);
        const auto unit = nanoseconds_of_unit(rest.substr(0, unit_length));
        if (!value || !unit) {
            throw invalid();
        }
        total += *value * *unit;
        rest.remove_prefix(unit_length);
    }
    if (total > 9.2e18) {
        throw invalid();
    }
    return std::chrono::nanoseconds(static_cast<int64_t>(total));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == text.npos) {
            return parts;
        }
        text.remove_prefix(at + 1);
    }
}

std::optional<std::pair<std::string_view, std::string_view>> split_once(std::string_view text,
                                                                        char separator) noexcept {
    const size_t at = text.find(separator);
    if (at == text.npos) {
        return std::nullopt;
    }
    return std::pair{text.substr(0, at), text.substr(at + 1)};
}

std::string_view trim(std::string_view text) noexcept {
    constexpr std::string_view kBlanks = " \t\r\n";
    const size_t first = text.find_first_not_of(kBlanks);
    if (first == text.npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string to_hex(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(kDigits[byte >> 4U]);
        out.push_back(kDigits[byte & 15U]);
    }
    return out;
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return out;
}

}  // namespace nau
