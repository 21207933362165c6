#pragma once

// A value in the course of rendering: borrowed from the data or made on the way. See
// format_template.h.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace nau::cli {

class TemplateValue {
  public:
    /// What a map does not hold: prints as "<no value>", counts as false.
    static TemplateValue missing() { return TemplateValue(); }
    static TemplateValue borrow(const nlohmann::json& value);
    static TemplateValue own(nlohmann::json value);
    /// A part of this value, which it keeps alive.
    TemplateValue part(const nlohmann::json& value) const;
    static TemplateValue own_text(std::string text);
    /// The heading of a column, which functions pass on as it is.
    static TemplateValue heading(std::string text);

    bool is_missing() const noexcept { return value_ == nullptr; }
    bool is_heading() const noexcept { return is_heading_; }
    /// null for a missing value.
    const nlohmann::json& data() const noexcept;

    bool is_true() const noexcept;
    /// As Go's fmt prints it with %v.
    std::string text() const;

  private:
    std::shared_ptr<const nlohmann::json> owned_;
    const nlohmann::json* value_ = nullptr;
    bool is_heading_ = false;
};

std::string template_text(const nlohmann::json& value, bool is_inner);

/// The member of an object by its name, or by its name in any case. nullptr: there is none.
const nlohmann::json* find_member(const nlohmann::json& object, std::string_view name);

/// @throws Error{invalid} "join: …" for arguments that do not fit
TemplateValue call_template_function(std::string_view name,
                                     std::span<const TemplateValue> arguments);

/// printf's own grammar, in Go's form. @throws Error{invalid}
std::string template_printf(std::span<const TemplateValue> arguments);

}  // namespace nau::cli
