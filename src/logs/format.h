#pragma once

// The line codec of container logs, the one of Kubernetes' CRI (podman's k8s-file):
//
//   2026-11-23T20:57:42.123456789Z stdout F a whole line
//   2026-11-23T20:57:42.123456789Z stdout P the beginning of a line, or its last bytes at the end
//
// F stands for text followed by a line end in the container's output, P for text without one. So
// the container's exact bytes come back: the texts, each F with '\n' behind it. Text is any bytes
// but '\n', also none, also NUL and what is not UTF-8.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace nau::logs {

enum class Stream { standard_output, standard_error };

/// "stdout" or "stderr".
std::string_view to_string(Stream stream) noexcept;

struct Record {
    Time time{};
    Stream stream = Stream::standard_output;
    /// P: the line goes on in the next record of this stream.
    bool is_partial = false;
    /// Borrowed from the parsed line.
    std::string_view text{};
};

/// The longest head (time, stream, tag and the blanks) in front of a text.
constexpr size_t kMaxRecordHead = 40;

/// Appends the record and '\n' to `out`. @pre text has no '\n'
void append_record(std::string& out, const Record& record);
/// The same with the text of record.time made beforehand.
void append_record(std::string& out, std::string_view time, const Record& record);

/// One line without its '\n'; nullopt when it is none of ours. Accepts any RFC 3339 time and tags
/// behind the first letter ("P:x"), as the CRI allows.
std::optional<Record> parse_record(std::string_view line) noexcept;

}  // namespace nau::logs
