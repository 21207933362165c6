#pragma once

// The line codec of docker's json-file, one object for each piece of output:
//
//   {"log":"a whole line\n","stream":"stdout","time":"2026-11-23T20:57:42.123456789Z"}
//   {"log":"a piece without a line end","stream":"stderr","attrs":{"tag":"web"},"time":"…"}
//
// JSON text cannot hold bytes that are no UTF-8. docker replaces them by U+FFFD, and so does "log"
// here; beside it "bytes" has the exact ones in hexadecimal, which docker's readers ignore.

#include <optional>
#include <string>
#include <string_view>

#include "logs/format.h"

namespace nau::logs {

/// RFC3339Nano as Go has it: no zeros at the end of the fraction.
std::string json_time(Time time);

/// Appends the record and '\n' to `out`, as docker writes it. `time` is json_time(record.time);
/// `tag` may be empty. @pre text has no '\n'
void append_json_line(std::string& out,
                      std::string_view time,
                      const Record& record,
                      std::string_view tag);

/// One line without its '\n'; nullopt when it is none of docker's. Members that are not known are
/// skipped. The record's text lies in `text`.
std::optional<Record> parse_json_line(std::string_view line, std::string& text);

}  // namespace nau::logs
