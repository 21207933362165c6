#include "storage/records/json_text.h"

#include <optional>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace nau::storage {

namespace {

bool is_plain(std::string_view text) noexcept {
    for (const char c : text) {
        if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20U ||
            static_cast<unsigned char>(c) >= 0x80U) {
            return false;
        }
    }
    return true;
}

void append_quoted(std::string& out, std::string_view text) {
    if (is_plain(text)) {
        out += '"';
        out += text;
        out += '"';
        return;
    }
    out += json::to_text(json::Value(std::string(text)));
}

/// A cursor over compact JSON whose strings have no escapes. It says no to all else.
class PlainReader {
  public:
    explicit PlainReader(std::string_view text) noexcept : text_(text) {}

    bool take(char c) noexcept {
        if (text_.empty() || text_.front() != c) {
            return false;
        }
        text_.remove_prefix(1);
        return true;
    }
    std::optional<std::string_view> take_string() noexcept {
        if (!take('"')) {
            return std::nullopt;
        }
        const auto end = text_.find_first_of("\"\\");
        if (end == text_.npos || text_[end] == '\\') {
            return std::nullopt;
        }
        const auto string = text_.substr(0, end);
        text_.remove_prefix(end + 1);
        return string;
    }
    bool is_at_end() const noexcept { return text_.empty(); }

  private:
    std::string_view text_;
};

std::optional<std::vector<std::string>> decode_plain_list(std::string_view text) {
    PlainReader reader(text);
    std::vector<std::string> list;
    if (!reader.take('[')) {
        return std::nullopt;
    }
    do {
        const auto element = reader.take_string();
        if (!element) {
            return std::nullopt;
        }
        list.emplace_back(*element);
    } while (reader.take(','));
    return reader.take(']') && reader.is_at_end() ? std::optional(std::move(list)) : std::nullopt;
}

std::optional<Labels> decode_plain_labels(std::string_view text) {
    PlainReader reader(text);
    Labels labels;
    if (!reader.take('{')) {
        return std::nullopt;
    }
    do {
        const auto name = reader.take_string();
        if (!name || !reader.take(':')) {
            return std::nullopt;
        }
        const auto value = reader.take_string();
        if (!value) {
            return std::nullopt;
        }
        labels.emplace_hint(labels.end(), *name, *value);
    } while (reader.take(','));
    return reader.take('}') && reader.is_at_end() ? std::optional(std::move(labels)) : std::nullopt;
}

}  // namespace

std::string encode_list(const std::vector<std::string>& list) {
    std::string out = "[";
    for (const auto& element : list) {
        if (out.size() > 1) {
            out += ',';
        }
        append_quoted(out, element);
    }
    return out += ']';
}

std::string encode_labels(const Labels& labels) {
    std::string out = "{";
    for (const auto& [name, value] : labels) {
        if (out.size() > 1) {
            out += ',';
        }
        append_quoted(out, name);
        out += ':';
        append_quoted(out, value);
    }
    return out += '}';
}

std::vector<std::string> decode_list(std::string_view text) {
    if (text.empty() || text == "[]") {
        return {};
    }
    if (auto list = decode_plain_list(text)) {
        return *std::move(list);
    }
    const json::Value value = json::parse(text, "stored list");
    return json::Field(value, "stored list").as_string_list();
}

Labels decode_labels(std::string_view text) {
    if (text.empty() || text == "{}") {
        return {};
    }
    if (auto labels = decode_plain_labels(text)) {
        return *std::move(labels);
    }
    const json::Value value = json::parse(text, "stored labels");
    return json::Field(value, "stored labels").as_string_map();
}

}  // namespace nau::storage
