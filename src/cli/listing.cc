#include "cli/listing.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/parse.h"
#include "cli/format_template.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/template_value.h"
#include "cli/text.h"

namespace nau::cli {

namespace {

using Json = nlohmann::json;

void add_lines(std::string_view text, Table& table) {
    for (const std::string_view line : split(text, '\n')) {
        std::vector<std::string> cells;
        for (const std::string_view cell : split(line, '\t')) {
            cells.emplace_back(cell);
        }
        table.add_row(std::move(cells));
    }
}

void print_template_table(Output& out,
                          const FormatTemplate& format,
                          const Json& headings,
                          const Json& rows,
                          bool has_headings) {
    Table table;
    if (has_headings) {
        add_lines(format.render_headings(headings), table);
    }
    for (const Json& row : rows) {
        add_lines(format.render(row), table);
    }
    out.write(table.text());
}

void append_outline(const Json& value, size_t indent, std::string& out) {
    for (const auto& member : value.items()) {
        out.append(indent, ' ');
        out += value.is_array() ? "- " : escape_control(member.key()) + ":";
        const Json& inner = member.value();
        if (inner.is_structured() && !inner.empty()) {
            out += '\n';
            append_outline(inner, indent + 2, out);
            continue;
        }
        const std::string text = inner.is_null()         ? ""
                                 : inner.is_structured() ? inner.dump()
                                                         : template_text(inner, true);
        out += text.empty() || value.is_array() ? "" : " ";
        out += escape_control(text) + "\n";
    }
}

}  // namespace

ListFormat list_format_of(std::string_view format) noexcept {
    const std::string_view word = trim(format);
    if (word.empty() || word == "table") {
        return ListFormat::columns;
    }
    return word == "json" ? ListFormat::json : ListFormat::custom;
}

void print_custom_list(Output& out,
                       std::string_view format,
                       const Json& headings,
                       const Json& rows,
                       bool has_headings) {
    constexpr std::string_view kTable = "table ";
    if (format.starts_with(kTable)) {
        print_template_table(out,
                             FormatTemplate::parse(trim(format.substr(kTable.size()))),
                             headings,
                             rows,
                             has_headings);
        return;
    }
    const FormatTemplate parsed = FormatTemplate::parse(format);
    if (parsed.ranges_over_dot()) {
        out.write(parsed.render(rows));
        return;
    }
    for (const Json& row : rows) {
        out.write(parsed.render(row));
        out.write("\n");
    }
}

void print_object(Output& out, std::string_view format, const Json& object) {
    if (trim(format) == "json") {
        print_json(out, object);
        return;
    }
    out.write(FormatTemplate::parse(format).render(object));
    out.write("\n");
}

void print_json(Output& out, const Json& value) {
    out.write(json::to_pretty_text(value));
    out.write("\n");
}

std::string outline(const Json& value) {
    std::string out;
    append_outline(value, 0, out);
    return out;
}

}  // namespace nau::cli
