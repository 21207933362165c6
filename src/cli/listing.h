#pragma once

// What `--format` of a list means:
//
//   (nothing), table      columns, as the command draws them
//   json                  all rows as one JSON list
//   table TEMPLATE        columns that the template separates by \t, under headings
//   TEMPLATE              one line for each row, or, if it begins with {{range .}}, for the whole

#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace nau::cli {

class Output;

enum class ListFormat { columns, json, custom };
ListFormat list_format_of(std::string_view format) noexcept;

/// @pre list_format_of(format) is custom
/// @param headings field → heading, for "table …"
/// @param rows list of objects
/// @throws Error{invalid}
void print_custom_list(Output& out,
                       std::string_view format,
                       const nlohmann::json& headings,
                       const nlohmann::json& rows,
                       bool has_headings);

/// For inspect, info and version: `json` prints the object, a template its text and a line end.
/// @throws Error{invalid}
void print_object(Output& out, std::string_view format, const nlohmann::json& object);

/// Indented, with a line end.
void print_json(Output& out, const nlohmann::json& value);

/// "key: value" lines, nested by indentation, as people read them. Control characters are escaped.
std::string outline(const nlohmann::json& value);

}  // namespace nau::cli
