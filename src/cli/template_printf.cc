// Go's printf over JSON values: flags "-+# 0", width, precision, and the verbs v s q d x X o b c e
// f g t %. Mistakes are told in the output, as Go does: "%!d(string=x)", "%!d(MISSING)".

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/template_value.h"
#include "cli/text.h"

namespace nau::cli {

namespace {

using json = nlohmann::json;

constexpr size_t kWidest = 1000;

struct Directive {
    bool is_left = false;
    bool has_zeros = false;
    bool has_plus = false;
    bool is_alternate = false;
    size_t width = 0;
    std::optional<size_t> precision;
    char verb = '\0';
};

size_t read_count(std::string_view& rest) {
    size_t count = 0;
    while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
        count = std::min(kWidest + 1, count * 10 + static_cast<size_t>(rest.front() - '0'));
        rest.remove_prefix(1);
    }
    if (count > kWidest) {
        throw Error(ErrorKind::invalid, "template: printf: a width is larger than {}", kWidest);
    }
    return count;
}

Directive read_directive(std::string_view& rest) {
    Directive directive;
    while (!rest.empty() &&
           std::string_view("-+# 0").find(rest.front()) != std::string_view::npos) {
        directive.is_left = directive.is_left || rest.front() == '-';
        directive.has_zeros = directive.has_zeros || rest.front() == '0';
        directive.has_plus = directive.has_plus || rest.front() == '+';
        directive.is_alternate = directive.is_alternate || rest.front() == '#';
        rest.remove_prefix(1);
    }
    directive.width = read_count(rest);
    if (rest.starts_with('.')) {
        rest.remove_prefix(1);
        directive.precision = read_count(rest);
    }
    if (!rest.empty()) {
        directive.verb = rest.front();
        rest.remove_prefix(1);
    }
    return directive;
}

std::string quote_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return escape_control(out) + "\"";
}

const char* type_name(const json& value) {
    switch (value.type()) {
        case json::value_t::string:
            return "string";
        case json::value_t::boolean:
            return "bool";
        case json::value_t::number_float:
            return "float64";
        case json::value_t::array:
            return "list";
        case json::value_t::object:
            return "map";
        case json::value_t::null:
            return "<nil>";
        default:
            return "int";
    }
}

std::string mismatch(const Directive& directive, const json& value) {
    return fmt::format("%!{}({}={})", directive.verb, type_name(value), template_text(value, true));
}

std::string format_integer(const Directive& directive, const json& value) {
    const bool is_negative =
        value.is_number_integer() && !value.is_number_unsigned() && value.get<int64_t>() < 0;
    const uint64_t magnitude = is_negative
                                   ? uint64_t{0} - static_cast<uint64_t>(value.get<int64_t>())
                                   : value.get<uint64_t>();
    std::string digits;
    switch (directive.verb) {
        case 'x':
            digits = fmt::format("{}{:x}", directive.is_alternate ? "0x" : "", magnitude);
            break;
        case 'X':
            digits = fmt::format("{}{:X}", directive.is_alternate ? "0X" : "", magnitude);
            break;
        case 'o':
            digits = fmt::format("{:o}", magnitude);
            break;
        case 'b':
            digits = fmt::format("{:b}", magnitude);
            break;
        default:
            digits = fmt::format("{}", magnitude);
    }
    const std::string_view sign = is_negative ? "-" : directive.has_plus ? "+" : "";
    if (directive.has_zeros && !directive.is_left &&
        digits.size() + sign.size() < directive.width) {
        digits.insert(0, directive.width - digits.size() - sign.size(), '0');
    }
    return fmt::format("{}{}", sign, digits);
}

std::string format_decimal(const Directive& directive, const json& value) {
    const double number = value.get<double>();
    const int precision = static_cast<int>(directive.precision.value_or(6));
    switch (directive.verb) {
        case 'e':
            return fmt::format("{:.{}e}", number, precision);
        case 'f':
            return fmt::format("{:.{}f}", number, precision);
        default:
            return directive.precision ? fmt::format("{:.{}g}", number, precision)
                                       : fmt::format("{}", number);
    }
}

std::string cut(const Directive& directive, std::string text) {
    if (!directive.precision) {
        return text;
    }
    size_t end = 0;
    for (size_t count = 0; end < text.size() && count < *directive.precision; ++count) {
        do {
            ++end;
        } while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U);
    }
    text.resize(end);
    return text;
}

std::string format_value(const Directive& directive, const json& value) {
    switch (directive.verb) {
        case 'v':
            return template_text(value, true);
        case 's':
            if (value.is_number() || value.is_boolean()) {
                return mismatch(directive, value);
            }
            return cut(directive, template_text(value, true));
        case 'q':
            return value.is_string() ? quote_text(cut(directive, value.get<std::string>()))
                                     : mismatch(directive, value);
        case 'd':
        case 'o':
        case 'b':
            return value.is_number_integer() ? format_integer(directive, value)
                                             : mismatch(directive, value);
        case 'x':
        case 'X':
            if (value.is_string()) {
                return to_hex(value.get<std::string>());
            }
            return value.is_number_integer() ? format_integer(directive, value)
                                             : mismatch(directive, value);
        case 'e':
        case 'f':
        case 'g':
            return value.is_number_float() ? format_decimal(directive, value)
                                           : mismatch(directive, value);
        case 't':
            return value.is_boolean() ? value.dump() : mismatch(directive, value);
        default:
            return mismatch(directive, value);
    }
}

std::string fill(const Directive& directive, std::string text) {
    const size_t width = display_width(text);
    if (width >= directive.width) {
        return text;
    }
    const std::string blanks(directive.width - width, ' ');
    return directive.is_left ? text + blanks : blanks + text;
}

}  // namespace

std::string template_printf(std::span<const TemplateValue> arguments) {
    if (arguments.empty() || !arguments[0].data().is_string()) {
        throw Error(ErrorKind::invalid, "template: printf: the first argument is not a string");
    }
    const auto& format = arguments[0].data().get_ref<const std::string&>();
    std::string_view rest = format;
    size_t next = 1;
    std::string out;
    while (!rest.empty()) {
        const size_t percent = rest.find('%');
        out += rest.substr(0, percent);
        rest.remove_prefix(percent == rest.npos ? rest.size() : percent + 1);
        if (percent == std::string_view::npos) {
            break;
        }
        const Directive directive = read_directive(rest);
        if (directive.verb == '%') {
            out += '%';
        } else if (directive.verb == '\0') {
            out += "%!(NOVERB)";
        } else if (next >= arguments.size()) {
            out += fmt::format("%!{}(MISSING)", directive.verb);
        } else {
            out += fill(directive, format_value(directive, arguments[next++].data()));
        }
    }
    for (bool is_first = true; next < arguments.size(); ++next, is_first = false) {
        const json& value = arguments[next].data();
        out += fmt::format(
            "{}{}={}", is_first ? "%!(EXTRA " : ", ", type_name(value), template_text(value, true));
        out += next + 1 == arguments.size() ? ")" : "";
    }
    return out;
}

}  // namespace nau::cli
