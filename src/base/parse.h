#pragma once

// Strict parsers for what people type: the whole text must fit, nothing is guessed, nothing wraps.
// Each names the text in its error ("invalid size '10x'").

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nau {

/// Decimal digits only: no sign, no space, no leading '+'. nullopt when it does not fit.
std::optional<uint64_t> parse_uint64(std::string_view text) noexcept;
/// Decimal digits with an optional leading '-'.
std::optional<int64_t> parse_int64(std::string_view text) noexcept;
/// As parse_uint64, in octal digits.
std::optional<uint64_t> parse_octal(std::string_view text) noexcept;
/// A finite decimal fraction such as "1.5"; no exponent, no inf, no nan.
std::optional<double> parse_decimal(std::string_view text) noexcept;

/// A size in bytes as docker and podman write it: "512", "10k", "1.5g", "2GiB", "64mb" (all powers
/// of 1024, upper or lower case). @throws Error{invalid}
uint64_t parse_size_bytes(std::string_view text);

/// A duration in Go's form: "1h30m", "10s", "250ms", "1.5s"; a bare number is seconds.
/// @throws Error{invalid}
std::chrono::nanoseconds parse_duration(std::string_view text);

/// Parts between separators; empty parts are kept. "a,,b" gives "a", "", "b"; "" gives one empty
/// part.
std::vector<std::string_view> split(std::string_view text, char separator);

/// Text before and after the first separator; nullopt when there is none.
std::optional<std::pair<std::string_view, std::string_view>> split_once(std::string_view text,
                                                                        char separator) noexcept;

/// Without leading and trailing blanks, tabs and line ends.
std::string_view trim(std::string_view text) noexcept;

/// Lower-case hexadecimal digits of the bytes.
std::string to_hex(std::string_view bytes);

/// ASCII lower case; other bytes are kept.
std::string to_lower(std::string_view text);

}  // namespace nau
