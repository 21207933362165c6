#include "logs/codec.h"

#include "logs/json_line.h"

namespace nau::logs {

std::string Codec::time_text(Time time) const {
    return format == Format::json_file ? json_time(time) : format_rfc3339(time);
}

void Codec::append(std::string& out, std::string_view time, const Record& record) const {
    if (format == Format::json_file) {
        append_json_line(out, time, record, tag);
    } else {
        append_record(out, time, record);
    }
}

std::optional<Record> parse_line(std::string_view line, std::string& text) {
    return line.starts_with('{') ? parse_json_line(line, text) : parse_record(line);
}

}  // namespace nau::logs
