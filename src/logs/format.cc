#include "logs/format.h"

#include <fmt/core.h>

#include "base/parse.h"

namespace nau::logs {

std::string_view to_string(Stream stream) noexcept {
    return stream == Stream::standard_output ? "stdout" : "stderr";
}

void append_record(std::string& out, const Record& record) {
    append_record(out, format_rfc3339(record.time), record);
}

void append_record(std::string& out, std::string_view time, const Record& record) {
    out += time;
    out += record.stream == Stream::standard_output ? " stdout " : " stderr ";
    out += record.is_partial ? "P " : "F ";
    out += record.text;
    out += '\n';
}

std::optional<Record> parse_record(std::string_view line) noexcept {
    Record record;
    const auto after_time = split_once(line, ' ');
    if (!after_time) {
        return std::nullopt;
    }
    const auto time = parse_rfc3339(after_time->first);
    const auto after_stream = split_once(after_time->second, ' ');
    if (!time || !after_stream) {
        return std::nullopt;
    }
    record.time = *time;
    if (after_stream->first == "stderr") {
        record.stream = Stream::standard_error;
    } else if (after_stream->first != "stdout") {
        return std::nullopt;
    }
    // An empty text may have lost its blank to an editor.
    const auto after_tag = split_once(after_stream->second, ' ');
    const std::string_view tags = after_tag ? after_tag->first : after_stream->second;
    const std::string_view tag = tags.substr(0, tags.find(':'));
    if (tag != "P" && tag != "F") {
        return std::nullopt;
    }
    record.is_partial = tag == "P";
    record.text = after_tag ? after_tag->second : std::string_view{};
    return record;
}

}  // namespace nau::logs
