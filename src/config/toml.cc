#include "config/toml.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace nau::config {

namespace {

using json::Value;

constexpr int kMaxDepth = 32;        // of arrays and inline tables in each other
constexpr size_t kMaxKeyParts = 16;  // of a dotted key
constexpr char kSeparator = '\x1f';  // between the parts of a path in the sets below

bool is_bare_key_character(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

void append_utf8(std::string& out, uint32_t code) {
    const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0U | (code >> 6U));
        put(0x80U | (code & 0x3FU));
    } else if (code < 0x10000) {
        put(0xE0U | (code >> 12U));
        put(0x80U | ((code >> 6U) & 0x3FU));
        put(0x80U | (code & 0x3FU));
    } else {
        put(0xF0U | (code >> 18U));
        put(0x80U | ((code >> 12U) & 0x3FU));
        put(0x80U | ((code >> 6U) & 0x3FU));
        put(0x80U | (code & 0x3FU));
    }
}

class TomlReader {
  public:
    TomlReader(std::string_view text, std::string_view file) : text_(text), file_(file) {}

    Value read() {
        while (skip_to_content()) {
            if (peek() == '[') {
                read_table_header();
            } else {
                read_pair(*table_, table_path_, 0);
            }
            end_line();
        }
        return std::move(root_);
    }

  private:
    [[noreturn]] void fail(std::string_view problem) const {
        throw Error(ErrorKind::invalid, "{}:{}: {}", file_, line_, problem);
    }

    // --- characters

    bool at_end() const noexcept { return at_ == text_.size(); }
    char peek(size_t ahead = 0) const noexcept {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    char take() {
        if (at_end()) {
            fail("the file ends in the middle of a value");
        }
        const char c = text_[at_++];
        line_ += c == '\n' ? 1 : 0;
        return c;
    }
    bool take_if(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) {
            return false;
        }
        at_ += word.size();
        return true;
    }
    void skip_blanks() noexcept {
        while (peek() == ' ' || peek() == '\t') {
            ++at_;
        }
    }
    void skip_comment() {
        if (peek() != '#') {
            return;
        }
        while (!at_end() && peek() != '\n') {
            ++at_;
        }
    }
    bool at_line_end() const noexcept {
        return at_end() || peek() == '\n' || (peek() == '\r' && peek(1) == '\n');
    }
    void skip_line_end() {
        if (peek() == '\r') {
            ++at_;
        }
        if (!at_end()) {
            (void)take();  // counts the line
        }
    }
    /// Blank lines and comments; false at the end of the file.
    bool skip_to_content() {
        while (true) {
            skip_blanks();
            skip_comment();
            if (at_end()) {
                return false;
            }
            if (!at_line_end()) {
                return true;
            }
            skip_line_end();
        }
    }
    void end_line() {
        skip_blanks();
        skip_comment();
        if (!at_line_end()) {
            fail("more than one thing in a line");
        }
    }

    // --- keys and tables

    std::vector<std::string> read_key() {
        std::vector<std::string> parts;
        do {
            skip_blanks();
            if (peek() == '"' || peek() == '\'') {
                if (peek(1) == peek() && peek(2) == peek()) {
                    fail("a key cannot have several lines");
                }
                parts.push_back(read_string());
            } else {
                const size_t begin = at_;
                while (is_bare_key_character(peek())) {
                    ++at_;
                }
                if (at_ == begin) {
                    fail("a key is missing");
                }
                parts.emplace_back(text_.substr(begin, at_ - begin));
            }
            if (parts.size() > kMaxKeyParts) {
                fail("a key of too many parts");
            }
            skip_blanks();
        } while (take_if("."));
        return parts;
    }

    /// The table `name` in `parent`, made when it is missing; for an array of tables its last one.
    /// `path` goes along.
    Value& descend(Value& parent, const std::string& name, std::string& path) {
        path += kSeparator + name;
        auto found = parent.find(name);
        if (found == parent.end()) {
            return parent[name] = Value::object();
        }
        if (closed_.contains(path)) {
            fail(fmt::format("{} is complete already", name));
        }
        if (found->is_array()) {
            path += fmt::format("{}{}", kSeparator, found->size());
            return found->back();
        }
        if (!found->is_object()) {
            fail(fmt::format("{} is not a table", name));
        }
        return *found;
    }

    void read_table_header() {
        ++at_;
        const bool is_array = take_if("[");
        const auto key = read_key();
        if (!take_if(is_array ? "]]" : "]")) {
            fail("the heading of a table is not closed");
        }
        Value* parent = &root_;
        std::string path;
        for (size_t i = 0; i + 1 < key.size(); ++i) {
            parent = &descend(*parent, key[i], path);
        }
        if (is_array) {
            open_array_table(*parent, key.back(), path);
            return;
        }
        if (const auto found = parent->find(key.back());
            found != parent->end() && found->is_array()) {
            fail(fmt::format("{} is an array already", key.back()));
        }
        table_ = &descend(*parent, key.back(), path);
        if (!headed_.insert(path).second || dotted_.contains(path)) {
            fail(fmt::format("table {} is there a second time", key.back()));
        }
        table_path_ = path;
    }

    void open_array_table(Value& parent, const std::string& name, std::string path) {
        path += kSeparator + name;
        if (!parent.contains(name)) {
            parent[name] = Value::array();
            arrays_.insert(path);
        }
        Value& array = parent[name];
        if (!arrays_.contains(path)) {
            fail(fmt::format("{} is no array of tables", name));
        }
        array.push_back(Value::object());
        table_ = &array.back();
        table_path_ = fmt::format("{}{}{}", path, kSeparator, array.size());
    }

    void read_pair(Value& table, std::string path, int depth) {
        const auto key = read_key();
        if (!take_if("=")) {
            fail(fmt::format("'{}' is not followed by =", key.back()));
        }
        skip_blanks();
        Value* parent = &table;
        for (size_t i = 0; i + 1 < key.size(); ++i) {
            parent = &descend(*parent, key[i], path);
            if (headed_.contains(path)) {
                fail(fmt::format("{} has a table of its own", key[i]));
            }
            dotted_.insert(path);
        }
        if (parent->contains(key.back())) {
            fail(fmt::format("{} is set a second time", key.back()));
        }
        path += kSeparator + key.back();
        Value value = read_value(path, depth);
        if (value.is_structured()) {
            closed_.insert(path);
        }
        (*parent)[key.back()] = std::move(value);
    }

    // --- values

    Value read_value(const std::string& path, int depth) {
        if (depth > kMaxDepth) {
            fail("nested too deeply");
        }
        switch (peek()) {
            case '"':
            case '\'':
                return read_string();
            case '[':
                return read_array(path, depth);
            case '{':
                return read_inline_table(path, depth);
            default:
                return read_word();
        }
    }

    Value read_array(const std::string& path, int depth) {
        (void)take();
        Value array = Value::array();
        while (true) {
            (void)skip_to_content();
            if (take_if("]")) {
                return array;
            }
            if (!array.empty()) {
                if (!take_if(",")) {
                    fail("the values of an array are not separated by commas");
                }
                (void)skip_to_content();
                if (take_if("]")) {
                    return array;
                }
            }
            if (at_end()) {
                fail("an array is not closed");
            }
            array.push_back(
                read_value(fmt::format("{}{}{}", path, kSeparator, array.size()), depth + 1));
        }
    }

    Value read_inline_table(const std::string& path, int depth) {
        (void)take();
        Value table = Value::object();
        skip_blanks();
        if (take_if("}")) {
            return table;
        }
        do {
            read_pair(table, path, depth + 1);
            skip_blanks();
        } while (take_if(","));
        if (!take_if("}")) {
            fail("an inline table is not closed");
        }
        return table;
    }

    std::string read_string() {
        const char quote = peek();
        const std::string fence(3, quote);
        if (take_if(fence)) {
            if (at_line_end()) {
                skip_line_end();
            }
            return read_quoted(fence, true);
        }
        (void)take();
        return read_quoted(std::string(1, quote), false);
    }

    std::string read_quoted(const std::string& fence, bool may_have_lines) {
        std::string out;
        while (true) {
            if (take_if(fence)) {
                // Up to two quotation marks may stand right before the closing three.
                while (may_have_lines && peek() == fence.front()) {
                    out.push_back(take());
                }
                return out;
            }
            if (at_end()) {
                fail("a text is not closed");
            }
            const char c = take();
            if (c == '\n' && !may_have_lines) {
                fail("a text is not closed in its line");
            }
            const auto byte = static_cast<unsigned char>(c);
            if ((byte < 0x20 && c != '\t' && c != '\n' && !(c == '\r' && peek() == '\n')) ||
                byte == 0x7f) {
                fail("a control character in a text");
            }
            if (c == '\\' && fence.front() == '"') {
                read_escape(out, may_have_lines);
            } else {
                out.push_back(c);
            }
        }
    }

    void read_escape(std::string& out, bool may_have_lines) {
        const char c = take();
        constexpr std::string_view kNames = "btnfr\"\\e";
        constexpr std::string_view kMeanings = "\b\t\n\f\r\"\\\x1b";
        if (const size_t known = kNames.find(c); known != kNames.npos) {
            out.push_back(kMeanings[known]);
            return;
        }
        if (c == 'u' || c == 'U') {
            append_utf8(out, read_code_point(c == 'u' ? 4 : 8));
            return;
        }
        if (!may_have_lines || (c != '\n' && c != ' ' && c != '\t' && c != '\r')) {
            fail(fmt::format("'\\{}' means nothing", c));
        }
        // A backslash at the end of a line: what is blank up to the next text is not there.
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') {
            (void)take();
        }
    }

    uint32_t read_code_point(size_t digits) {
        const std::string_view text = text_.substr(at_, digits);
        uint32_t code = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, 16);
        if (error != std::errc() || text.size() != digits || end != text.data() + digits ||
            code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
            fail("an escape that is no character");
        }
        at_ += digits;
        return code;
    }

    /// true, false, or a number.
    Value read_word() {
        const size_t begin = at_;
        while (is_bare_key_character(peek()) || peek() == '+' || peek() == '.' || peek() == ':') {
            ++at_;
        }
        const std::string_view word = text_.substr(begin, at_ - begin);
        if (word == "true" || word == "false") {
            return word == "true";
        }
        if (word.empty()) {
            fail("a value is missing");
        }
        if (auto number = parse_number(word)) {
            return *std::move(number);
        }
        fail(fmt::format("'{}' is no value (texts are written in quotation marks)", word));
    }

    static std::optional<Value> parse_number(std::string_view word) {
        std::string digits;
        for (size_t i = 0; i < word.size(); ++i) {
            if (word[i] == '_' && i > 0 && i + 1 < word.size() && word[i - 1] != '_') {
                continue;
            }
            digits.push_back(word[i]);
        }
        if (digits.starts_with('+')) {
            digits.erase(0, 1);
        }
        int base = 10;
        if (digits.starts_with("0x") || digits.starts_with("0o") || digits.starts_with("0b")) {
            base = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : 2;
            digits.erase(0, 2);
        }
        const char* const last = digits.data() + digits.size();
        int64_t whole = 0;
        if (const auto [end, error] = std::from_chars(digits.data(), last, whole, base);
            error == std::errc() && end == last) {
            return Value(whole);
        }
        double real = 0;
        const auto [end, error] = std::from_chars(digits.data(), last, real);
        const bool is_date = digits.find(':') != digits.npos || digits.find('-', 1) == 4;
        return error == std::errc() && end == last && base == 10 && !is_date
                   ? std::optional(Value(real))
                   : std::nullopt;
    }

    std::string_view text_;
    std::string_view file_;
    size_t at_ = 0;
    size_t line_ = 1;
    Value root_ = Value::object();
    Value* table_ = &root_;  ///< where pairs go
    std::string table_path_;
    // Paths of tables, by how they came to be: what TOML forbids to be written twice.
    std::set<std::string> headed_;
    std::set<std::string> dotted_;
    std::set<std::string> arrays_;
    std::set<std::string> closed_;
};

}  // namespace

json::Value parse_toml(std::string_view text, std::string_view file) {
    return TomlReader(text, file).read();
}

}  // namespace nau::config
