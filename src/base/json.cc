#include "base/json.h"

#include <limits>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace nau::json {

namespace {

constexpr int kMaxDepth = 128;

/// nlohmann's parser is iterative, but the destructor and dump of a deep document are not.
bool is_too_deep(std::string_view text) noexcept {
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > kMaxDepth) {
                return true;
            }
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

}  // namespace

Value parse(std::string_view text, std::string_view what) {
    if (is_too_deep(text)) {
        throw Error(ErrorKind::corrupt, "{}: is nested deeper than {} levels", what, kMaxDepth);
    }
    Value value = Value::parse(text, nullptr, /*allow_exceptions=*/false);
    if (value.is_discarded()) {
        throw Error(ErrorKind::corrupt, "{}: is not valid JSON", what);
    }
    return value;
}

std::string to_text(const Value& value) {
    return value.dump(-1, ' ', false, Value::error_handler_t::replace);
}

std::string to_pretty_text(const Value& value) {
    return value.dump(4, ' ', false, Value::error_handler_t::replace);
}

void Field::fail(std::string_view problem) const {
    throw Error(ErrorKind::corrupt, "{}: {}", path_, problem);
}

std::optional<Field> Field::find(const char* name) const {
    if (!value_->is_object()) {
        fail("is not an object");
    }
    const auto found = value_->find(name);
    if (found == value_->end() || found->is_null()) {
        return std::nullopt;
    }
    return Field(*found, fmt::format("{}: {}", path_, name), 0);
}

Field Field::at(const char* name) const {
    auto field = find(name);
    if (!field) {
        fail(fmt::format("has no '{}'", name));
    }
    return *std::move(field);
}

std::string Field::as_string() const {
    if (!value_->is_string()) {
        fail("is not a string");
    }
    return value_->get<std::string>();
}

bool Field::as_bool() const {
    if (!value_->is_boolean()) {
        fail("is not true or false");
    }
    return value_->get<bool>();
}

int64_t Field::as_int64() const {
    if (!value_->is_number_integer() ||
        (value_->is_number_unsigned() &&
         value_->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))) {
        fail("is not an integer of 64 bits");
    }
    return value_->get<int64_t>();
}

uint64_t Field::as_uint64() const {
    if (!value_->is_number_unsigned()) {
        fail("is not an unsigned integer of 64 bits");
    }
    return value_->get<uint64_t>();
}

double Field::as_double() const {
    if (!value_->is_number()) {
        fail("is not a number");
    }
    return value_->get<double>();
}

std::vector<Field> Field::elements() const {
    if (!value_->is_array()) {
        fail("is not a list");
    }
    std::vector<Field> fields;
    fields.reserve(value_->size());
    for (size_t i = 0; i < value_->size(); ++i) {
        fields.push_back(Field((*value_)[i], fmt::format("{}[{}]", path_, i), 0));
    }
    return fields;
}

std::vector<std::pair<std::string, Field>> Field::members() const {
    if (!value_->is_object()) {
        fail("is not an object");
    }
    std::vector<std::pair<std::string, Field>> fields;
    for (auto member = value_->begin(); member != value_->end(); ++member) {
        if (!member->is_null()) {
            fields.emplace_back(member.key(),
                                Field(*member, fmt::format("{}: {}", path_, member.key()), 0));
        }
    }
    return fields;
}

std::vector<std::string> Field::as_string_list() const {
    if (!value_->is_array()) {
        fail("is not a list");
    }
    std::vector<std::string> list;
    list.reserve(value_->size());
    for (const auto& element : *value_) {
        if (!element.is_string()) {
            fail(fmt::format("element {} is not a string", list.size()));
        }
        list.push_back(element.get<std::string>());
    }
    return list;
}

std::map<std::string, std::string> Field::as_string_map() const {
    std::map<std::string, std::string> map;
    for (const auto& [name, field] : members()) {
        map.emplace(name, field.as_string());
    }
    return map;
}

std::string Field::string_or(const char* name, std::string fallback) const {
    const auto field = find(name);
    return field ? field->as_string() : std::move(fallback);
}

bool Field::bool_or(const char* name, bool fallback) const {
    const auto field = find(name);
    return field ? field->as_bool() : fallback;
}

int64_t Field::int64_or(const char* name, int64_t fallback) const {
    const auto field = find(name);
    return field ? field->as_int64() : fallback;
}

uint64_t Field::uint64_or(const char* name, uint64_t fallback) const {
    const auto field = find(name);
    return field ? field->as_uint64() : fallback;
}

std::vector<std::string> Field::string_list_or_empty(const char* name) const {
    const auto field = find(name);
    return field ? field->as_string_list() : std::vector<std::string>{};
}

std::map<std::string, std::string> Field::string_map_or_empty(const char* name) const {
    const auto field = find(name);
    return field ? field->as_string_map() : std::map<std::string, std::string>{};
}

std::optional<std::string> Field::optional_string(const char* name) const {
    const auto field = find(name);
    return field ? std::optional(field->as_string()) : std::nullopt;
}

std::optional<int64_t> Field::optional_int64(const char* name) const {
    const auto field = find(name);
    return field ? std::optional(field->as_int64()) : std::nullopt;
}

std::optional<uint64_t> Field::optional_uint64(const char* name) const {
    const auto field = find(name);
    return field ? std::optional(field->as_uint64()) : std::nullopt;
}

std::optional<bool> Field::optional_bool(const char* name) const {
    const auto field = find(name);
    return field ? std::optional(field->as_bool()) : std::nullopt;
}

}  // namespace nau::json
