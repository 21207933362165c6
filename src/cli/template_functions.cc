// The functions that templates can call. Each takes values and returns one; a wrong argument is an
// Error{invalid} that begins with the function's name.

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/template_nodes.h"
#include "cli/template_value.h"

namespace nau::cli {

namespace {

using json = nlohmann::json;
using Value = TemplateValue;
using Values = std::span<const TemplateValue>;

template <typename... Args>
[[noreturn]] void fail(std::string_view function,
                       fmt::format_string<Args...> format,
                       Args&&... args) {
    throw Error(ErrorKind::invalid,
                "template: {}: {}",
                function,
                fmt::format(format, std::forward<Args>(args)...));
}

void need(std::string_view function, Values values, size_t least, size_t most) {
    if (values.size() < least || values.size() > most) {
        fail(function,
             "takes {} argument{}, not {}",
             least == most ? fmt::format("{}", least) : fmt::format("{} or more", least),
             least == 1 && most == 1 ? "" : "s",
             values.size());
    }
}

constexpr size_t kAny = std::numeric_limits<size_t>::max();

std::string text_of(std::string_view function, const Value& value) {
    if (!value.data().is_string()) {
        fail(function, "'{}' is not a string", value.text());
    }
    return value.data().get<std::string>();
}

int64_t integer_of(std::string_view function, const Value& value) {
    if (!value.data().is_number_integer()) {
        fail(function, "'{}' is not an integer", value.text());
    }
    if (value.data().is_number_unsigned() &&
        value.data().get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) {
        fail(function, "'{}' is too large", value.text());
    }
    return value.data().get<int64_t>();
}

size_t index_in(std::string_view function, const Value& value, size_t length) {
    const int64_t index = integer_of(function, value);
    if (index < 0 || static_cast<uint64_t>(index) > length) {
        fail(function, "index {} is out of range", index);
    }
    return static_cast<size_t>(index);
}

// --- comparison

enum class Order { less, equal, greater };

Order compare(std::string_view function, const Value& a, const Value& b) {
    const json& left = a.data();
    const json& right = b.data();
    const bool fit = (left.is_number() && right.is_number()) ||
                     (left.is_string() && right.is_string()) ||
                     (left.is_boolean() && right.is_boolean());
    if (!fit) {
        fail(function, "'{}' and '{}' cannot be compared", a.text(), b.text());
    }
    if (left < right) {
        return Order::less;
    }
    return right < left ? Order::greater : Order::equal;
}

bool is_equal(std::string_view function, const Value& a, const Value& b) {
    if (a.data().is_null() || b.data().is_null()) {
        return a.data().is_null() && b.data().is_null();
    }
    return compare(function, a, b) == Order::equal;
}

Value call_comparison(std::string_view name, Values values) {
    if (name == "eq") {
        need(name, values, 2, kAny);
        return Value::own(std::any_of(values.begin() + 1, values.end(), [&](const Value& other) {
            return is_equal(name, values[0], other);
        }));
    }
    need(name, values, 2, 2);
    if (name == "ne") {
        return Value::own(!is_equal(name, values[0], values[1]));
    }
    const Order order = compare(name, values[0], values[1]);
    if (name == "lt") {
        return Value::own(order == Order::less);
    }
    if (name == "le") {
        return Value::own(order != Order::greater);
    }
    return Value::own(name == "gt" ? order == Order::greater : order != Order::less);
}

// --- containers

Value call_len(Values values) {
    need("len", values, 1, 1);
    const json& value = values[0].data();
    if (value.is_string()) {
        return Value::own(value.get_ref<const std::string&>().size());
    }
    if (!value.is_array() && !value.is_object()) {
        fail("len", "'{}' has no length", values[0].text());
    }
    return Value::own(value.size());
}

Value index_one(const Value& container, const Value& key) {
    const json& value = container.data();
    if (value.is_object()) {
        const std::string name = text_of("index", key);
        const auto found = value.find(name);
        return found == value.end() ? Value::own_text("") : container.part(*found);
    }
    if (value.is_array()) {
        const size_t index = index_in("index", key, value.size());
        if (index >= value.size()) {
            fail("index", "index {} is out of range", index);
        }
        return container.part(value[index]);
    }
    if (value.is_null()) {
        return Value::own_text("");
    }
    fail("index", "'{}' is neither a list nor a map", container.text());
}

Value call_index(Values values) {
    need("index", values, 1, kAny);
    Value value = values[0];
    for (const Value& key : values.subspan(1)) {
        value = index_one(value, key);
    }
    return value;
}

Value call_slice(Values values) {
    need("slice", values, 1, 3);
    const json& value = values[0].data();
    if (!value.is_string() && !value.is_array()) {
        fail("slice", "'{}' is neither a list nor a string", values[0].text());
    }
    const size_t length =
        value.is_string() ? value.get_ref<const std::string&>().size() : value.size();
    const size_t begin = values.size() > 1 ? index_in("slice", values[1], length) : 0;
    const size_t end = values.size() > 2 ? index_in("slice", values[2], length) : length;
    if (begin > end) {
        fail("slice", "begins behind its end");
    }
    if (value.is_string()) {
        return Value::own_text(value.get_ref<const std::string&>().substr(begin, end - begin));
    }
    json part = json::array();
    for (size_t i = begin; i < end; ++i) {
        part.push_back(value[i]);
    }
    return Value::own(std::move(part));
}

// --- text

Value call_join(Values values) {
    need("join", values, 2, 2);
    // docker: join LIST SEPARATOR, so that a pipe hands over the separator; both orders are meant.
    const bool is_piped = values[1].data().is_array();
    const Value& list = is_piped ? values[1] : values[0];
    const std::string separator = text_of("join", is_piped ? values[0] : values[1]);
    if (list.data().is_null()) {
        return Value::own_text("");
    }
    if (!list.data().is_array()) {
        fail("join", "'{}' is not a list", list.text());
    }
    std::string out;
    for (const auto& element : list.data()) {
        out += &element == &list.data().front() ? "" : separator;
        out += template_text(element, true);
    }
    return Value::own_text(std::move(out));
}

Value call_split(Values values) {
    need("split", values, 2, 2);
    const std::string text = text_of("split", values[0]);
    const std::string separator = text_of("split", values[1]);
    json parts = json::array();
    size_t begin = 0;
    while (!separator.empty()) {
        const size_t at = text.find(separator, begin);
        if (at == text.npos) {
            break;
        }
        parts.push_back(text.substr(begin, at - begin));
        begin = at + separator.size();
    }
    parts.push_back(text.substr(begin));
    return Value::own(std::move(parts));
}

std::string to_upper(std::string text) {
    for (char& c : text) {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return text;
}

std::string to_title(std::string text) {
    bool begins = true;
    for (char& c : text) {
        if (begins && c >= 'a' && c <= 'z') {
            c = static_cast<char>(c - 'a' + 'A');
        }
        begins = c == ' ' || c == '\t' || c == '-';
    }
    return text;
}

constexpr size_t kWidestPad = 1000;

Value call_pad(Values values) {
    need("pad", values, 3, 3);
    const std::string text = text_of("pad", values[0]);
    const size_t before = index_in("pad", values[1], kWidestPad);
    const size_t after = index_in("pad", values[2], kWidestPad);
    return text.empty()
               ? Value::own_text("")
               : Value::own_text(std::string(before, ' ') + text + std::string(after, ' '));
}

Value call_truncate(Values values) {
    need("truncate", values, 2, 2);
    std::string text = text_of("truncate", values[0]);
    const size_t length = index_in("truncate", values[1], text.size() > 1 << 20 ? kAny : 1 << 20);
    // Never in the middle of a character.
    size_t end = std::min(length, text.size());
    while (end > 0 && end < text.size() &&
           (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    text.resize(end);
    return Value::own_text(std::move(text));
}

std::string escape_html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '&':
                out += "&amp;";
                break;
            case '"':
                out += "&#34;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string escape_query(std::string_view text) {
    constexpr std::string_view kSafe = "-_.~";
    std::string out;
    for (const char c : text) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || kSafe.find(c) != kSafe.npos;
        if (is_plain) {
            out += c;
        } else {
            out += c == ' ' ? std::string("+")
                            : fmt::format("%{:02X}",
                                          static_cast<unsigned>(static_cast<unsigned char>(c)));
        }
    }
    return out;
}

/// print puts a blank between two values of which neither is a string; println between all.
std::string print_all(Values values, bool is_line) {
    std::string out;
    for (size_t i = 0; i < values.size(); ++i) {
        const bool separated = is_line || (i > 0 && !values[i - 1].data().is_string() &&
                                           !values[i].data().is_string());
        out += i > 0 && separated ? " " : "";
        out += template_text(values[i].data(), true);
    }
    return is_line ? out + "\n" : out;
}

using Function = Value (*)(Values);

struct NamedFunction {
    std::string_view name;
    Function call;
};

template <std::string (*convert)(std::string)>
Value convert_text(std::string_view name, Values values) {
    need(name, values, 1, 1);
    return Value::own_text(convert(text_of(name, values[0])));
}

constexpr std::array kFunctions = {
    NamedFunction{"and",
                  [](Values values) {
                      need("and", values, 1, kAny);
                      const auto found = std::find_if(values.begin(),
                                                      values.end(),
                                                      [](const Value& v) { return !v.is_true(); });
                      return found == values.end() ? values.back() : *found;
                  }},
    NamedFunction{"or",
                  [](Values values) {
                      need("or", values, 1, kAny);
                      const auto found = std::find_if(
                          values.begin(), values.end(), [](const Value& v) { return v.is_true(); });
                      return found == values.end() ? values.back() : *found;
                  }},
    NamedFunction{"not",
                  [](Values values) {
                      need("not", values, 1, 1);
                      return Value::own(!values[0].is_true());
                  }},
    NamedFunction{"eq", [](Values values) { return call_comparison("eq", values); }},
    NamedFunction{"ne", [](Values values) { return call_comparison("ne", values); }},
    NamedFunction{"lt", [](Values values) { return call_comparison("lt", values); }},
    NamedFunction{"le", [](Values values) { return call_comparison("le", values); }},
    NamedFunction{"gt", [](Values values) { return call_comparison("gt", values); }},
    NamedFunction{"ge", [](Values values) { return call_comparison("ge", values); }},
    NamedFunction{"len", call_len},
    NamedFunction{"index", call_index},
    NamedFunction{"slice", call_slice},
    NamedFunction{"print", [](Values values) { return Value::own_text(print_all(values, false)); }},
    NamedFunction{"println",
                  [](Values values) { return Value::own_text(print_all(values, true)); }},
    NamedFunction{"printf", [](Values values) { return Value::own_text(template_printf(values)); }},
    NamedFunction{
        "html",
        [](Values values) { return Value::own_text(escape_html(print_all(values, false))); }},
    NamedFunction{
        "urlquery",
        [](Values values) { return Value::own_text(escape_query(print_all(values, false))); }},
    NamedFunction{"json",
                  [](Values values) {
                      need("json", values, 1, 1);
                      return Value::own_text(nau::json::to_text(values[0].data()));
                  }},
    NamedFunction{"join", call_join},
    NamedFunction{"split", call_split},
    NamedFunction{"upper", [](Values values) { return convert_text<to_upper>("upper", values); }},
    NamedFunction{"lower",
                  [](Values values) {
                      need("lower", values, 1, 1);
                      return Value::own_text(to_lower(text_of("lower", values[0])));
                  }},
    NamedFunction{"title", [](Values values) { return convert_text<to_title>("title", values); }},
    NamedFunction{"pad", call_pad},
    NamedFunction{"truncate", call_truncate},
};

const NamedFunction* find_function(std::string_view name) noexcept {
    const auto found =
        std::find_if(kFunctions.begin(), kFunctions.end(), [&](const NamedFunction& function) {
            return function.name == name;
        });
    return found == kFunctions.end() ? nullptr : &*found;
}

}  // namespace

bool is_template_function(std::string_view name) noexcept {
    return find_function(name) != nullptr;
}

TemplateValue call_template_function(std::string_view name,
                                     std::span<const TemplateValue> arguments) {
    for (const TemplateValue& argument : arguments) {
        if (argument.is_heading()) {
            return argument;
        }
    }
    const NamedFunction* function = find_function(name);
    if (function == nullptr) {
        fail(name, "is not known");
    }
    return function->call(arguments);
}

}  // namespace nau::cli
