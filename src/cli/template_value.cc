#include "cli/template_value.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/parse.h"

namespace nau::cli {

using Json = nlohmann::json;

namespace {

const Json& null_value() noexcept {
    static const Json value;
    return value;
}

std::string decimal_text(double value) {
    return fmt::format("{}", value);
}

}  // namespace

TemplateValue TemplateValue::borrow(const Json& value) {
    TemplateValue result;
    result.value_ = &value;
    return result;
}

TemplateValue TemplateValue::own(Json value) {
    TemplateValue result;
    result.owned_ = std::make_shared<const Json>(std::move(value));
    result.value_ = result.owned_.get();
    return result;
}

TemplateValue TemplateValue::part(const nlohmann::json& value) const {
    TemplateValue result;
    result.owned_ = owned_;
    result.value_ = &value;
    return result;
}

TemplateValue TemplateValue::own_text(std::string text) {
    return own(Json(std::move(text)));
}

TemplateValue TemplateValue::heading(std::string text) {
    TemplateValue result = own_text(std::move(text));
    result.is_heading_ = true;
    return result;
}

const Json& TemplateValue::data() const noexcept {
    return value_ == nullptr ? null_value() : *value_;
}

bool TemplateValue::is_true() const noexcept {
    const auto& value = data();
    switch (value.type()) {
        case Json::value_t::null:
            return false;
        case Json::value_t::boolean:
            return value.get<bool>();
        case Json::value_t::string:
            return !value.get_ref<const std::string&>().empty();
        case Json::value_t::array:
        case Json::value_t::object:
            return !value.empty();
        default:
            return value.get<double>() != 0;
    }
}

std::string template_text(const Json& value, bool is_inner) {
    switch (value.type()) {
        case Json::value_t::null:
            return is_inner ? "<nil>" : "<no value>";
        case Json::value_t::string:
            return value.get<std::string>();
        case Json::value_t::number_float:
            return decimal_text(value.get<double>());
        case Json::value_t::array: {
            std::string out = "[";
            for (const auto& element : value) {
                out += out.size() > 1 ? " " : "";
                out += template_text(element, true);
            }
            return out + "]";
        }
        case Json::value_t::object: {
            std::string out = "map[";
            for (const auto& member : value.items()) {
                out += out.size() > 4 ? " " : "";
                out += fmt::format("{}:{}", member.key(), template_text(member.value(), true));
            }
            return out + "]";
        }
        default:
            return value.dump();
    }
}

std::string TemplateValue::text() const {
    return template_text(data(), false);
}

const Json* find_member(const Json& object, std::string_view name) {
    if (!object.is_object()) {
        return nullptr;
    }
    if (const auto found = object.find(std::string(name)); found != object.end()) {
        return &*found;
    }
    const std::string wanted = to_lower(name);
    for (auto member = object.begin(); member != object.end(); ++member) {
        if (to_lower(member.key()) == wanted) {
            return &*member;
        }
    }
    return nullptr;
}

}  // namespace nau::cli
