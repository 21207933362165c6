#pragma once

// What the parser makes of a --format template and the evaluator walks. See format_template.h.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nau::cli {

struct TemplatePipeline;

/// A word of a command: a literal, a place to look something up, or a pipeline in brackets.
struct TemplateOperand {
    enum class Kind : uint8_t {
        dot,
        field,     ///< of the dot; `path` has at least one name
        variable,  ///< `text` is "$name"
        function,  ///< `text` is its name
        string,
        integer,
        decimal,
        truth,  ///< text is "true" or "false"
        nil,
        group,
    };
    Kind kind = Kind::dot;
    std::string text = {};
    std::vector<std::string> path = {};  ///< ".A.B" behind a field, a variable or a group
    std::unique_ptr<TemplatePipeline> group = {};
    size_t position = 0;
};

/// The first operand with the others as arguments.
struct TemplateCommand {
    std::vector<TemplateOperand> operands;
};

/// Commands joined by '|': the value of each is the last argument of the next.
struct TemplatePipeline {
    std::vector<std::string> variables;  ///< what it is stored in; range has up to two
    bool declares = false;               ///< := rather than =
    std::vector<TemplateCommand> commands;
    size_t position = 0;
};

struct TemplateNode {
    enum class Kind : uint8_t { list, text, action, if_, range, with_, break_, continue_ };
    Kind kind = Kind::list;
    std::string text = {};
    TemplatePipeline pipeline = {};
    std::vector<TemplateNode> body = {};
    std::vector<TemplateNode> otherwise = {};
};

/// @throws Error{invalid}
TemplateNode parse_template(std::string_view text);

bool is_template_function(std::string_view name) noexcept;

}  // namespace nau::cli
