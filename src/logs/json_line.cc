#include "logs/json_line.h"

#include <cstdint>

#include "base/parse.h"

namespace nau::logs {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kReplacement = "\\ufffd";
/// Objects inside objects that are skipped.
constexpr int kMaxDepth = 32;

/// The length of the well-formed UTF-8 sequence at the beginning (Unicode 15, table 3-7); 0: none.
size_t sequence_length(std::string_view text) noexcept {
    const auto byte = [&](size_t i) -> uint8_t {
        return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
    };
    const auto continues = [&](size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const uint8_t first = byte(0);
    const uint8_t second = byte(1);
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        return continues(1) ? 2 : 0;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        const bool is_bad = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F);
        return continues(1) && !is_bad && continues(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool is_bad = (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
        return continues(1) && !is_bad && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

void append_escaped_ascii(std::string& out, char c) {
    switch (c) {
        case '"':
        case '\\':
            out += '\\';
            out += c;
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        default:
            out += "\\u00";
            out += kHexDigits[static_cast<uint8_t>(c) >> 4U];
            out += kHexDigits[static_cast<uint8_t>(c) & 15U];
    }
}

bool is_plain(char c) noexcept {
    const auto byte = static_cast<uint8_t>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

/// As a JSON string without its quotes; false when something had to be replaced.
bool append_escaped(std::string& out, std::string_view text) {
    bool is_exact = true;
    while (!text.empty()) {
        size_t plain = 0;
        while (plain < text.size() && is_plain(text[plain])) {
            ++plain;
        }
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) {
            break;
        }
        const size_t length = sequence_length(text);
        if (length == 0) {
            out += kReplacement;
            is_exact = false;
        } else if (length == 1) {
            append_escaped_ascii(out, text.front());
        } else if (text.starts_with("\xE2\x80\xA8") || text.starts_with("\xE2\x80\xA9")) {
            out += text[2] == '\xA8' ? "\\u2028" : "\\u2029";  // line ends in JavaScript
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return is_exact;
}

int hex_value(char c) noexcept {
    const size_t found = kHexDigits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c);
    return found == std::string_view::npos ? -1 : static_cast<int>(found);
}

void append_utf8(std::string& out, uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0U | (code >> 6U));
        out += static_cast<char>(0x80U | (code & 0x3FU));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0U | (code >> 12U));
        out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
        out += static_cast<char>(0x80U | (code & 0x3FU));
    } else {
        out += static_cast<char>(0xF0U | (code >> 18U));
        out += static_cast<char>(0x80U | ((code >> 12U) & 0x3FU));
        out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
        out += static_cast<char>(0x80U | (code & 0x3FU));
    }
}

/// Reads one line from the left, without a tree. Each function is false when the line is broken.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool take(char c) {
        skip_blanks();
        if (!rest_.starts_with(c)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }

    bool is_done() {
        skip_blanks();
        return rest_.empty();
    }

    bool take_string(std::string& out) {
        out.clear();
        if (!take('"')) {
            return false;
        }
        while (true) {
            const size_t stop = rest_.find_first_of("\"\\");
            if (stop == std::string_view::npos) {
                return false;
            }
            out += rest_.substr(0, stop);
            const bool is_end = rest_[stop] == '"';
            rest_.remove_prefix(stop + 1);
            if (is_end) {
                return true;
            }
            if (!take_escape(out)) {
                return false;
            }
        }
    }

    /// Any value. `scratch` is spoilt.
    bool skip_value(std::string& scratch, int depth = 0) {
        skip_blanks();
        if (rest_.empty() || depth > kMaxDepth) {
            return false;
        }
        if (rest_.front() == '"') {
            return take_string(scratch);
        }
        if (rest_.front() == '{' || rest_.front() == '[') {
            return skip_container(scratch, depth);
        }
        const size_t end = std::min(rest_.find_first_of(",]}"), rest_.size());
        rest_.remove_prefix(end);
        return end > 0;
    }

  private:
    void skip_blanks() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r"), rest_.size()));
    }

    bool skip_container(std::string& scratch, int depth) {
        const bool is_object = rest_.front() == '{';
        const char end = is_object ? '}' : ']';
        rest_.remove_prefix(1);
        if (take(end)) {
            return true;
        }
        do {
            if (is_object && (!take_string(scratch) || !take(':'))) {
                return false;
            }
            if (!skip_value(scratch, depth + 1)) {
                return false;
            }
        } while (take(','));
        return take(end);
    }

    std::optional<uint32_t> take_hex4() {
        if (rest_.size() < 4) {
            return std::nullopt;
        }
        uint32_t code = 0;
        for (size_t i = 0; i < 4; ++i) {
            const int digit = hex_value(rest_[i]);
            if (digit < 0) {
                return std::nullopt;
            }
            code = code * 16 + static_cast<uint32_t>(digit);
        }
        rest_.remove_prefix(4);
        return code;
    }

    bool take_unicode(std::string& out) {
        auto code = take_hex4();
        if (!code) {
            return false;
        }
        if (*code >= 0xD800 && *code < 0xDC00 && rest_.starts_with("\\u")) {
            rest_.remove_prefix(2);
            const auto low = take_hex4();
            if (!low || *low < 0xDC00 || *low > 0xDFFF) {
                return false;
            }
            code = 0x10000 + ((*code - 0xD800) << 10U) + (*low - 0xDC00);
        } else if (*code >= 0xD800 && *code <= 0xDFFF) {
            code = 0xFFFD;  // half a pair
        }
        append_utf8(out, *code);
        return true;
    }

    bool take_escape(std::string& out) {
        constexpr std::string_view kNames = "\"\\/bfnrt";
        constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
        if (rest_.empty()) {
            return false;
        }
        const char name = rest_.front();
        rest_.remove_prefix(1);
        if (name == 'u') {
            return take_unicode(out);
        }
        const size_t found = kNames.find(name);
        if (found == std::string_view::npos) {
            return false;
        }
        out += kValues[found];
        return true;
    }

    std::string_view rest_;
};

bool decode_hex(std::string_view digits, std::string& out) {
    out.clear();
    if (digits.size() % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < digits.size(); i += 2) {
        const int high = hex_value(digits[i]);
        const int low = hex_value(digits[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out += static_cast<char>(high * 16 + low);
    }
    return true;
}

/// The members of one line, as they are met.
struct Members {
    bool has_log = false;
    bool has_bytes = false;
    std::optional<Stream> stream{};
    std::optional<Time> time{};

    bool take(Scanner& scanner, std::string_view key, std::string& text) {
        std::string value;
        if (key == "log") {
            std::string& target = has_bytes ? value : text;
            has_log = true;
            return scanner.take_string(target);
        }
        if (key == "bytes") {
            has_bytes = scanner.take_string(value) && decode_hex(value, text);
            return has_bytes;
        }
        if (key == "stream") {
            const bool is_string = scanner.take_string(value);
            if (value == "stdout") {
                stream = Stream::standard_output;
            } else if (value == "stderr") {
                stream = Stream::standard_error;
            }
            return is_string && stream;
        }
        if (key == "time") {
            const bool is_string = scanner.take_string(value);
            time = parse_rfc3339(value);
            return is_string && time;
        }
        return scanner.skip_value(value);
    }
};

}  // namespace

std::string json_time(Time time) {
    std::string text = format_rfc3339(time);
    text.pop_back();  // Z
    text.resize(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) {
        text.pop_back();
    }
    text += 'Z';
    return text;
}

void append_json_line(std::string& out,
                      std::string_view time,
                      const Record& record,
                      std::string_view tag) {
    out += R"({"log":")";
    const bool is_exact = append_escaped(out, record.text);
    if (!record.is_partial) {
        out += "\\n";
    }
    out += R"(","stream":")";
    out += to_string(record.stream);
    out += '"';
    if (!is_exact) {
        out += R"(,"bytes":")";
        for (const char c : record.text) {
            out += kHexDigits[static_cast<uint8_t>(c) >> 4U];
            out += kHexDigits[static_cast<uint8_t>(c) & 15U];
        }
        out += record.is_partial ? "\"" : "0a\"";
    }
    if (!tag.empty()) {
        out += R"(,"attrs":{"tag":")";
        (void)append_escaped(out, tag);
        out += "\"}";
    }
    out += R"(,"time":")";
    out += time;
    out += "\"}\n";
}

std::optional<Record> parse_json_line(std::string_view line, std::string& text) {
    Scanner scanner(line);
    Members members;
    std::string key;
    if (!scanner.take('{')) {
        return std::nullopt;
    }
    text.clear();
    do {
        if (!scanner.take_string(key) || !scanner.take(':') || !members.take(scanner, key, text)) {
            return std::nullopt;
        }
    } while (scanner.take(','));
    if (!scanner.take('}') || !scanner.is_done() || !members.has_log || !members.stream ||
        !members.time) {
        return std::nullopt;
    }
    Record record{.time = *members.time,
                  .stream = *members.stream,
                  .is_partial = !text.ends_with('\n'),
                  .text = text};
    if (!record.is_partial) {
        record.text.remove_suffix(1);
    }
    return record;
}

}  // namespace nau::logs
