#pragma once

// The two formats of log files behind one pair of functions. A line tells its format by its first
// byte: a reader need not be told, and a container whose driver has been changed is still read.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "logs/format.h"

namespace nau::logs {

enum class Format { k8s_file, json_file };

/// How records become lines.
struct Codec {
    Format format = Format::k8s_file;
    /// attrs.tag of json-file; empty: none.
    std::string tag{};

    /// The text of a time, made once for many records.
    std::string time_text(Time time) const;
    /// Appends the record and '\n'. @pre time is time_text(record.time), text has no '\n'
    void append(std::string& out, std::string_view time, const Record& record) const;
};

/// Longer pieces of a line are cut into partial records.
constexpr size_t kMaxText = size_t{16} * 1024;
/// No longer tag is accepted.
constexpr size_t kMaxTag = 1024;
/// No line of nau's own is longer: each byte as \u00xx and in hexadecimal, an escaped tag, a head.
constexpr size_t kMaxLine = 8 * kMaxText + 6 * kMaxTag + 256;

/// One line of either format without its '\n'; nullopt when it is no record. The record's text lies
/// in `line` or in `text`.
std::optional<Record> parse_line(std::string_view line, std::string& text);

}  // namespace nau::logs
