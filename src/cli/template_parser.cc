// Tokens → nodes: recursive descent with a limit on depth, since the text may be anything.

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/error.h"
#include "cli/template_lexer.h"
#include "cli/template_nodes.h"

namespace nau::cli {

namespace {

constexpr int kMaxDepth = 100;

using Node = TemplateNode;

class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text), tokens_(tokenize_template(text)) {}

    Node run() {
        Node root;
        root.body = read_list();
        if (peek().kind != TokenKind::end) {
            fail("'{{" + word_after_open() + "}}' without a beginning");
        }
        return root;
    }

  private:
    /// Nodes up to {{else}}, {{end}} or the end of the text.
    std::vector<Node> read_list();
    Node read_action();
    Node read_block(Node::Kind kind);
    TemplatePipeline read_pipeline(size_t max_variables);
    void read_variables(size_t max_variables, TemplatePipeline& pipeline);
    TemplateCommand read_command();
    TemplateOperand read_operand();
    void read_path(TemplateOperand& operand);
    void check_identifier(const Token& token, TemplateOperand& operand) const;

    const Token& peek(size_t ahead = 0) const {
        return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
    }
    Token take() { return tokens_[next_ < tokens_.size() - 1 ? next_++ : next_]; }
    void expect_close() {
        if (take().kind != TokenKind::close) {
            --next_;
            fail("expected '}}'");
        }
    }
    std::string word_after_open() const {
        return peek().kind == TokenKind::open && peek(1).kind == TokenKind::identifier
                   ? peek(1).text
                   : std::string();
    }
    [[noreturn]] void fail(std::string_view problem) const {
        fail_template(text_, peek().position, problem);
    }

    std::string_view text_;
    std::vector<Token> tokens_;
    size_t next_ = 0;
    int depth_ = 0;
    int range_depth_ = 0;
};

std::vector<Node> Parser::read_list() {
    std::vector<Node> nodes;
    while (peek().kind != TokenKind::end) {
        if (peek().kind == TokenKind::text) {
            Node node;
            node.kind = Node::Kind::text;
            node.text = take().text;
            nodes.push_back(std::move(node));
            continue;
        }
        const std::string word = word_after_open();
        if (word == "end" || word == "else") {
            break;
        }
        nodes.push_back(read_action());
    }
    return nodes;
}

Node Parser::read_action() {
    const std::string word = word_after_open();
    (void)take();  // {{
    if (word == "if" || word == "range" || word == "with") {
        (void)take();
        return read_block(word == "if"      ? Node::Kind::if_
                          : word == "range" ? Node::Kind::range
                                            : Node::Kind::with_);
    }
    Node node;
    if (word == "break" || word == "continue") {
        if (range_depth_ == 0) {
            fail(fmt::format("'{}' outside of range", word));
        }
        (void)take();
        node.kind = word == "break" ? Node::Kind::break_ : Node::Kind::continue_;
        expect_close();
        return node;
    }
    constexpr std::array<std::string_view, 3> kRefused = {"define", "template", "block"};
    if (std::find(kRefused.begin(), kRefused.end(), word) != kRefused.end()) {
        fail(fmt::format("'{}' is not supported", word));
    }
    node.kind = Node::Kind::action;
    node.pipeline = read_pipeline(1);
    expect_close();
    return node;
}

Node Parser::read_block(Node::Kind kind) {
    if (++depth_ > kMaxDepth) {
        fail("is nested too deeply");
    }
    Node node;
    node.kind = kind;
    node.pipeline = read_pipeline(kind == Node::Kind::range ? 2 : 1);
    expect_close();
    range_depth_ += kind == Node::Kind::range ? 1 : 0;
    node.body = read_list();
    range_depth_ -= kind == Node::Kind::range ? 1 : 0;
    if (word_after_open() == "else") {
        (void)take();
        (void)take();
        const std::string_view next =
            peek().kind == TokenKind::identifier ? std::string_view(peek().text) : "";
        const bool chains = (next == "if" && kind == Node::Kind::if_) ||
                            (next == "with" && kind == Node::Kind::with_);
        if (chains) {
            (void)take();
            node.otherwise.push_back(read_block(kind));  // takes the {{end}} as well
            --depth_;
            return node;
        }
        expect_close();
        node.otherwise = read_list();
    }
    if (word_after_open() != "end") {
        fail("a block is not closed by '{{end}}'");
    }
    (void)take();
    (void)take();
    expect_close();
    --depth_;
    return node;
}

TemplatePipeline Parser::read_pipeline(size_t max_variables) {
    if (++depth_ > kMaxDepth) {
        fail("is nested too deeply");
    }
    TemplatePipeline pipeline;
    pipeline.position = peek().position;
    read_variables(max_variables, pipeline);
    while (true) {
        pipeline.commands.push_back(read_command());
        if (peek().kind != TokenKind::pipe) {
            break;
        }
        (void)take();
    }
    for (size_t i = 1; i < pipeline.commands.size(); ++i) {
        const auto kind = pipeline.commands[i].operands.front().kind;
        if (kind != TemplateOperand::Kind::function && kind != TemplateOperand::Kind::field) {
            fail("what stands behind '|' is no function");
        }
    }
    --depth_;
    return pipeline;
}

void Parser::read_variables(size_t max_variables, TemplatePipeline& pipeline) {
    size_t count = 0;
    while (peek(2 * count).kind == TokenKind::variable &&
           peek(2 * count + 1).kind == TokenKind::comma) {
        ++count;
    }
    const TokenKind behind = peek(2 * count + 1).kind;
    if (peek(2 * count).kind != TokenKind::variable ||
        (behind != TokenKind::declare && behind != TokenKind::assign)) {
        return;
    }
    if (count + 1 > max_variables) {
        fail("too many variables");
    }
    for (size_t i = 0; i <= count; ++i) {
        pipeline.variables.push_back(take().text);
        (void)take();  // the comma, := or =
    }
    pipeline.declares = behind == TokenKind::declare;
}

TemplateCommand Parser::read_command() {
    TemplateCommand command;
    while (true) {
        switch (peek().kind) {
            case TokenKind::close:
            case TokenKind::pipe:
            case TokenKind::close_paren:
            case TokenKind::end:
                if (command.operands.empty()) {
                    fail("a value is missing");
                }
                return command;
            default:
                if (!command.operands.empty() && !peek().after_blank &&
                    peek().kind != TokenKind::open_paren) {
                    fail(fmt::format("unexpected '{}'", peek().text));
                }
                command.operands.push_back(read_operand());
        }
    }
}

TemplateOperand Parser::read_operand() {
    using Kind = TemplateOperand::Kind;
    const Token token = take();
    TemplateOperand operand;
    operand.position = token.position;
    operand.text = token.text;
    switch (token.kind) {
        case TokenKind::dot:
            operand.kind = Kind::dot;
            return operand;
        case TokenKind::field:
            operand.kind = Kind::field;
            operand.path.push_back(token.text);
            read_path(operand);
            return operand;
        case TokenKind::variable:
            operand.kind = Kind::variable;
            read_path(operand);
            return operand;
        case TokenKind::string:
            operand.kind = Kind::string;
            return operand;
        case TokenKind::integer:
            operand.kind = Kind::integer;
            return operand;
        case TokenKind::decimal:
            operand.kind = Kind::decimal;
            return operand;
        case TokenKind::identifier:
            check_identifier(token, operand);
            return operand;
        case TokenKind::open_paren:
            operand.kind = Kind::group;
            operand.group = std::make_unique<TemplatePipeline>(read_pipeline(0));
            if (peek().kind != TokenKind::close_paren) {
                fail("')' is missing");
            }
            (void)take();
            read_path(operand);
            return operand;
        default:
            fail_template(text_, token.position, fmt::format("unexpected '{}'", token.text));
    }
}

void Parser::read_path(TemplateOperand& operand) {
    while (peek().kind == TokenKind::field && !peek().after_blank) {
        operand.path.push_back(take().text);
    }
}

void Parser::check_identifier(const Token& token, TemplateOperand& operand) const {
    using Kind = TemplateOperand::Kind;
    if (token.text == "true" || token.text == "false") {
        operand.kind = Kind::truth;
    } else if (token.text == "nil") {
        operand.kind = Kind::nil;
    } else if (is_template_function(token.text)) {
        operand.kind = Kind::function;
    } else {
        fail_template(text_, token.position, fmt::format("function '{}' is not known", token.text));
    }
}

}  // namespace

TemplateNode parse_template(std::string_view text) {
    return Parser(text).run();
}

}  // namespace nau::cli
