#pragma once

// --format templates: the language of Go's text/template as far as users of podman and docker write
// it, over JSON values.
//
//   {{.ID}}\t{{.Names}}          {{json .Config.Env}}        {{index .Labels "a.b"}}
//   {{range $i, $m := .Mounts}}{{if $i}}, {{end}}{{$m.Source}}{{else}}none{{end}}
//   {{.Names | join "," | upper}}   {{with .State}}{{.Status}}{{end}}   {{- trims blanks -}}
//
// Known: pipelines, variables, if / else if / else, range, with, break, continue, comments; and or
// not eq ne lt le gt ge len index slice print printf println html urlquery; docker's json join
// split upper lower title pad truncate. Not known, and refused by name: define, template, block,
// call. A backslash with t or n outside of {{…}} is a tab or a line end, as docker has it.
//
//   text ─ lexer ─▶ tokens ─ parser ─▶ nodes ─ evaluator(data) ─▶ text

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace nau::cli {

struct TemplateNode;

class FormatTemplate {
  public:
    /// @throws Error{invalid} naming the place: "template: line 1, column 8: …"
    static FormatTemplate parse(std::string_view text);

    FormatTemplate(FormatTemplate&& other) noexcept;
    FormatTemplate& operator=(FormatTemplate&& other) noexcept;
    FormatTemplate(const FormatTemplate&) = delete;
    FormatTemplate& operator=(const FormatTemplate&) = delete;
    ~FormatTemplate();

    /// A field is found by its name, or else by its name in any case (.ID finds "Id").
    /// @throws Error{invalid} for a field that does not exist, a wrong argument, or too much work
    std::string render(const nlohmann::json& data) const;

    /// The same for the headings of a table: `headings` maps fields to what stands above them; a
    /// field that is not there is its own name in capitals, and functions leave headings alone.
    std::string render_headings(const nlohmann::json& headings) const;

    /// Whether it begins with {{range .}}: it wants the whole list, not one row after the other.
    bool ranges_over_dot() const noexcept;

  private:
    explicit FormatTemplate(std::unique_ptr<TemplateNode> root) noexcept;

    std::unique_ptr<TemplateNode> root_;
};

}  // namespace nau::cli
