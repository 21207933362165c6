#include "cli/format_template.h"

#include <array>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parse.h"
#include "cli/suggest.h"
#include "cli/template_nodes.h"
#include "cli/template_value.h"

namespace nau::cli {

namespace {

using json = nlohmann::json;
using Node = TemplateNode;
using Operand = TemplateOperand;
using Value = TemplateValue;

// What a template may cost, whatever it says.
constexpr size_t kMostSteps = 20'000'000;
constexpr size_t kMostBytes = size_t{256} << 20U;

// Members whose names come from users, not from us: a name that is not there is no mistake.
constexpr std::array<std::string_view, 9> kMaps = {"Labels",
                                                   "Annotations",
                                                   "Networks",
                                                   "Ports",
                                                   "ExposedPorts",
                                                   "Volumes",
                                                   "Sysctls",
                                                   "Data",
                                                   "LogOpts"};

bool is_map_name(std::string_view name) {
    for (const std::string_view map : kMaps) {
        if (name == map) {
            return true;
        }
    }
    return false;
}

std::string upper(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return out;
}

enum class Flow { next, break_, continue_ };

class Evaluator {
  public:
    Evaluator(const json& data, bool is_heading) : is_heading_(is_heading) {
        const Value root = Value::borrow(data);
        variables_.emplace_back("$", root);
        root_ = root;
    }

    std::string run(const Node& root) {
        (void)walk_list(root.body, root_);
        return std::move(out_);
    }

  private:
    Flow walk_list(const std::vector<Node>& nodes, const Value& dot);
    Flow walk(const Node& node, const Value& dot);
    Flow walk_range(const Node& node, const Value& dot);
    Flow walk_element(const Node& node, const Value& key, const Value& element);
    Value evaluate(const TemplatePipeline& pipeline, const Value& dot, bool stores);
    Value evaluate_command(const TemplateCommand& command, const Value& dot, const Value* piped);
    Value evaluate_operand(const Operand& operand, const Value& dot);
    Value look_up(Value value, const std::vector<std::string>& path) const;
    Value look_up_heading(const Value& dot, const std::vector<std::string>& path) const;
    Value member_of(const Value& value, const std::string& name, std::string_view parent) const;
    Value call_field(const Operand& operand, std::vector<Value> arguments, const Value& dot);
    bool short_circuits(const TemplateCommand& command, const Value& dot, Value& result);
    void store(const TemplatePipeline& pipeline, const Value& value);
    Value& variable(const std::string& name);
    void forget_variables(size_t scope) {
        variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(scope), variables_.end());
    }
    void write(std::string_view text) {
        out_ += text;
        if (out_.size() > kMostBytes) {
            throw Error(ErrorKind::invalid, "template: writes too much");
        }
    }
    void count_step() {
        if (++steps_ > kMostSteps) {
            throw Error(ErrorKind::invalid, "template: does too much");
        }
    }

    bool is_heading_;
    Value root_ = Value::missing();
    std::vector<std::pair<std::string, Value>> variables_;
    std::string out_;
    size_t steps_ = 0;
};

Flow Evaluator::walk_list(const std::vector<Node>& nodes, const Value& dot) {
    for (const Node& node : nodes) {
        const Flow flow = walk(node, dot);
        if (flow != Flow::next) {
            return flow;
        }
    }
    return Flow::next;
}

Flow Evaluator::walk(const Node& node, const Value& dot) {
    count_step();
    const size_t scope = variables_.size();
    Flow flow = Flow::next;
    switch (node.kind) {
        case Node::Kind::list:
            return walk_list(node.body, dot);
        case Node::Kind::text:
            write(node.text);
            return flow;
        case Node::Kind::action: {
            const Value value = evaluate(node.pipeline, dot, true);
            if (node.pipeline.variables.empty()) {
                write(value.text());
            }
            return flow;  // what it declared lives on
        }
        case Node::Kind::if_: {
            const Value value = evaluate(node.pipeline, dot, true);
            flow = walk_list(value.is_true() ? node.body : node.otherwise, dot);
            break;
        }
        case Node::Kind::with_: {
            const Value value = evaluate(node.pipeline, dot, true);
            const bool keeps_dot = !value.is_true() || value.is_heading();
            flow = walk_list(value.is_true() ? node.body : node.otherwise, keeps_dot ? dot : value);
            break;
        }
        case Node::Kind::range:
            flow = walk_range(node, dot);
            break;
        case Node::Kind::break_:
            return Flow::break_;
        case Node::Kind::continue_:
            return Flow::continue_;
    }
    forget_variables(scope);
    return flow;
}

Flow Evaluator::walk_element(const Node& node, const Value& key, const Value& element) {
    const size_t scope = variables_.size();
    const auto& names = node.pipeline.variables;
    if (names.size() == 2) {
        variables_.emplace_back(names[0], key);
        variables_.emplace_back(names[1], element);
    } else if (names.size() == 1) {
        variables_.emplace_back(names[0], element);
    }
    const Flow flow = walk_list(node.body, element);
    forget_variables(scope);
    return flow == Flow::break_ ? Flow::break_ : Flow::next;
}

Flow Evaluator::walk_range(const Node& node, const Value& dot) {
    const Value list = evaluate(node.pipeline, dot, false);
    const json& value = list.data();
    if (is_heading_) {
        (void)walk_element(node, list, dot);
        return Flow::next;
    }
    if (value.is_array()) {
        for (size_t i = 0; i < value.size(); ++i) {
            if (walk_element(node, Value::own(i), list.part(value[i])) == Flow::break_) {
                break;
            }
        }
    } else if (value.is_object()) {
        for (const auto& member : value.items()) {
            if (walk_element(node, Value::own_text(member.key()), list.part(member.value())) ==
                Flow::break_) {
                break;
            }
        }
    } else if (!value.is_null()) {
        throw Error(ErrorKind::invalid, "template: range cannot go over '{}'", list.text());
    }
    if (value.empty()) {
        return walk_list(node.otherwise, dot);
    }
    return Flow::next;
}

Value Evaluator::evaluate(const TemplatePipeline& pipeline, const Value& dot, bool stores) {
    count_step();
    Value value = evaluate_command(pipeline.commands.front(), dot, nullptr);
    for (size_t i = 1; i < pipeline.commands.size(); ++i) {
        value = evaluate_command(pipeline.commands[i], dot, &value);
    }
    if (stores) {
        store(pipeline, value);
    }
    return value;
}

void Evaluator::store(const TemplatePipeline& pipeline, const Value& value) {
    for (const std::string& name : pipeline.variables) {
        if (pipeline.declares) {
            variables_.emplace_back(name, value);
        } else {
            variable(name) = value;
        }
    }
}

Value& Evaluator::variable(const std::string& name) {
    for (auto entry = variables_.rbegin(); entry != variables_.rend(); ++entry) {
        if (entry->first == name) {
            return entry->second;
        }
    }
    throw Error(ErrorKind::invalid, "template: variable '{}' is not known", name);
}

/// and, or: arguments behind the deciding one are not evaluated, as in Go.
bool Evaluator::short_circuits(const TemplateCommand& command, const Value& dot, Value& result) {
    const std::string& name = command.operands.front().text;
    if (name != "and" && name != "or") {
        return false;
    }
    for (size_t i = 1; i < command.operands.size(); ++i) {
        result = evaluate_operand(command.operands[i], dot);
        if (result.is_true() == (name == "or")) {
            return true;
        }
    }
    return false;
}

Value Evaluator::evaluate_command(const TemplateCommand& command,
                                  const Value& dot,
                                  const Value* piped) {
    count_step();
    const Operand& first = command.operands.front();
    if (first.kind == Operand::Kind::function) {
        Value result = Value::missing();
        if (short_circuits(command, dot, result)) {
            return result;
        }
    }
    std::vector<Value> arguments;
    for (size_t i = 1; i < command.operands.size(); ++i) {
        arguments.push_back(evaluate_operand(command.operands[i], dot));
    }
    if (piped != nullptr) {
        arguments.push_back(*piped);
    }
    if (first.kind == Operand::Kind::function) {
        return call_template_function(first.text, arguments);
    }
    if (arguments.empty()) {
        return evaluate_operand(first, dot);
    }
    if (first.kind != Operand::Kind::field) {
        throw Error(ErrorKind::invalid, "template: '{}' takes no arguments", first.text);
    }
    return call_field(first, std::move(arguments), dot);
}

/// docker's {{.Label "name"}}, a method there, is a look-up in .Labels here; other fields with
/// arguments are indexed.
Value Evaluator::call_field(const Operand& operand,
                            std::vector<Value> arguments,
                            const Value& dot) {
    if (is_heading_) {
        return operand.path.back() == "Label" ? Value::heading(upper(arguments.front().text()))
                                              : look_up_heading(dot, operand.path);
    }
    std::vector<std::string> path = operand.path;
    if (path.back() == "Label") {
        path.back() = "Labels";
    }
    arguments.insert(arguments.begin(), look_up(dot, path));
    return call_template_function("index", arguments);
}

Value Evaluator::evaluate_operand(const Operand& operand, const Value& dot) {
    count_step();
    switch (operand.kind) {
        case Operand::Kind::dot:
            return dot;
        case Operand::Kind::field:
            return is_heading_ ? look_up_heading(dot, operand.path) : look_up(dot, operand.path);
        case Operand::Kind::variable:
            if (is_heading_ && !operand.path.empty()) {
                return look_up_heading(root_, operand.path);
            }
            return look_up(variable(operand.text), operand.path);
        case Operand::Kind::function:
            return call_template_function(operand.text, {});
        case Operand::Kind::string:
            return Value::own_text(operand.text);
        case Operand::Kind::integer:
            return Value::own(parse_int64(operand.text).value_or(0));
        case Operand::Kind::decimal: {
            const bool is_negative = operand.text.starts_with('-');
            const double magnitude =
                parse_decimal(std::string_view(operand.text).substr(is_negative ? 1 : 0))
                    .value_or(0);
            return Value::own(is_negative ? -magnitude : magnitude);
        }
        case Operand::Kind::truth:
            return Value::own(operand.text == "true");
        case Operand::Kind::nil:
            return Value::own(nullptr);
        case Operand::Kind::group: {
            Value value = evaluate(*operand.group, dot, true);
            return operand.path.empty() || value.is_heading() ? value
                                                              : look_up(value, operand.path);
        }
    }
    return Value::missing();
}

Value Evaluator::member_of(const Value& value,
                           const std::string& name,
                           std::string_view parent) const {
    if (const json* member = find_member(value.data(), name)) {
        return value.part(*member);
    }
    if (value.data().is_null() || is_map_name(parent)) {
        return Value::missing();
    }
    if (!value.data().is_object()) {
        throw Error(ErrorKind::invalid, "template: '{}' has no field '{}'", value.text(), name);
    }
    std::vector<std::string_view> known;
    for (auto member = value.data().begin(); member != value.data().end(); ++member) {
        known.push_back(member.key());
    }
    const std::string_view guess = nearest_word(name, known);
    if (!guess.empty()) {
        throw Error(
            ErrorKind::invalid, "template: no field '.{}', did you mean '.{}'?", name, guess);
    }
    throw Error(ErrorKind::invalid, "template: no field '.{}'", name)
        .with_hint(fmt::format("fields are: {}", fmt::join(known, " ")));
}

Value Evaluator::look_up(Value value, const std::vector<std::string>& path) const {
    std::string_view parent;
    for (const std::string& name : path) {
        value = member_of(value, name, parent);
        parent = name;
    }
    return value;
}

Value Evaluator::look_up_heading(const Value& dot, const std::vector<std::string>& path) const {
    if (path.size() == 1) {
        if (const json* heading = find_member(dot.data(), path.front())) {
            return Value::heading(heading->get<std::string>());
        }
    }
    return Value::heading(upper(path.back()));
}

}  // namespace

FormatTemplate::FormatTemplate(std::unique_ptr<TemplateNode> root) noexcept
    : root_(std::move(root)) {}
FormatTemplate::FormatTemplate(FormatTemplate&& other) noexcept = default;
FormatTemplate& FormatTemplate::operator=(FormatTemplate&& other) noexcept = default;
FormatTemplate::~FormatTemplate() = default;

FormatTemplate FormatTemplate::parse(std::string_view text) {
    return FormatTemplate(std::make_unique<TemplateNode>(parse_template(text)));
}

std::string FormatTemplate::render(const json& data) const {
    return Evaluator(data, false).run(*root_);
}

std::string FormatTemplate::render_headings(const json& headings) const {
    return Evaluator(headings, true).run(*root_);
}

bool FormatTemplate::ranges_over_dot() const noexcept {
    for (const Node& node : root_->body) {
        if (node.kind == Node::Kind::text && trim(node.text).empty()) {
            continue;
        }
        if (node.kind != Node::Kind::range || node.pipeline.commands.size() != 1) {
            return false;
        }
        const auto& operands = node.pipeline.commands.front().operands;
        return operands.size() == 1 && operands.front().kind == Operand::Kind::dot;
    }
    return false;
}

}  // namespace nau::cli
