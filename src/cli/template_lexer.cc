#include "cli/template_lexer.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::cli {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool is_blank(char c) noexcept {
    return kBlanks.find(c) != kBlanks.npos;
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_word(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80U;
}

void append_utf8(uint32_t code, std::string& out) {
    if (code < 0x80U) {
        out += static_cast<char>(code);
    } else if (code < 0x800U) {
        out += static_cast<char>(0xC0U | code >> 6U);
        out += static_cast<char>(0x80U | (code & 0x3FU));
    } else if (code < 0x10000U) {
        out += static_cast<char>(0xE0U | code >> 12U);
        out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
        out += static_cast<char>(0x80U | (code & 0x3FU));
    } else {
        out += static_cast<char>(0xF0U | code >> 18U);
        out += static_cast<char>(0x80U | (code >> 12U & 0x3FU));
        out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
        out += static_cast<char>(0x80U | (code & 0x3FU));
    }
}

class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}

    std::vector<Token> run();

  private:
    void read_text();
    void read_action();
    bool skip_comment();
    void read_token();
    void read_word(TokenKind kind, size_t skipped);
    void read_number();
    void read_quoted();
    void read_raw();
    void read_escape(std::string& out);
    uint32_t read_hex(size_t digits);
    void read_punctuation();
    bool at_close() const noexcept;
    void read_close();

    char peek(size_t ahead = 0) const noexcept {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    bool starts_with(std::string_view prefix) const noexcept {
        return text_.substr(at_).starts_with(prefix);
    }
    void add(TokenKind kind, std::string text, size_t position) {
        tokens_.push_back({.kind = kind,
                           .text = std::move(text),
                           .position = position,
                           .after_blank = position == 0 || is_blank(text_[position - 1])});
    }
    [[noreturn]] void fail(std::string_view problem) const { fail_template(text_, at_, problem); }

    std::string_view text_;
    size_t at_ = 0;
    bool trims_next_text_ = false;
    std::vector<Token> tokens_;
};

std::vector<Token> Lexer::run() {
    while (at_ < text_.size()) {
        read_text();
        if (at_ < text_.size()) {
            read_action();
        }
    }
    tokens_.push_back({.kind = TokenKind::end, .text = {}, .position = text_.size()});
    return std::move(tokens_);
}

/// docker's replacement of "\t" and "\n" as typed in single quotes of a shell.
std::string unescape_text(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
        if (next == 't' || next == 'n') {
            out += next == 't' ? '\t' : '\n';
            ++i;
        } else {
            out += text[i];
        }
    }
    return out;
}

void Lexer::read_text() {
    const size_t begin = at_;
    const size_t open = text_.find("{{", at_);
    std::string_view piece = text_.substr(begin, open - begin);
    at_ = open == text_.npos ? text_.size() : open;
    if (trims_next_text_) {
        piece.remove_prefix(std::min(piece.find_first_not_of(kBlanks), piece.size()));
        trims_next_text_ = false;
    }
    const bool trims_end = open != text_.npos && text_.substr(open).starts_with("{{-") &&
                           open + 3 < text_.size() && is_blank(text_[open + 3]);
    if (trims_end) {
        piece = piece.substr(0, piece.find_last_not_of(kBlanks) + 1);
    }
    if (!piece.empty()) {
        add(TokenKind::text, unescape_text(piece), begin);
    }
}

void Lexer::read_action() {
    const size_t open = at_;
    at_ += 2;
    if (peek() == '-' && is_blank(peek(1))) {
        ++at_;
    }
    if (skip_comment()) {
        return;
    }
    add(TokenKind::open, "{{", open);
    while (true) {
        while (is_blank(peek()) && at_ < text_.size()) {
            // " -}}" is a closing with trimming, not a minus.
            if (text_.substr(at_ + 1).starts_with("-}}")) {
                break;
            }
            ++at_;
        }
        if (at_ >= text_.size()) {
            fail_template(text_, open, "'{{' is not closed by '}}'");
        }
        if (at_close()) {
            read_close();
            return;
        }
        read_token();
    }
}

bool Lexer::skip_comment() {
    size_t begin = at_;
    while (begin < text_.size() && is_blank(text_[begin])) {
        ++begin;
    }
    if (!text_.substr(begin).starts_with("/*")) {
        return false;
    }
    const size_t end = text_.find("*/", begin + 2);
    if (end == text_.npos) {
        fail("a comment is not closed");
    }
    at_ = end + 2;
    while (is_blank(peek()) && !text_.substr(at_ + 1).starts_with("-}}")) {
        ++at_;
    }
    if (!at_close()) {
        fail("a comment stands alone between '{{' and '}}'");
    }
    const bool trims = !starts_with("}}");
    at_ += trims ? 4 : 2;
    trims_next_text_ = trims;
    return true;
}

bool Lexer::at_close() const noexcept {
    return starts_with("}}") || (is_blank(peek()) && text_.substr(at_ + 1).starts_with("-}}"));
}

void Lexer::read_close() {
    trims_next_text_ = !starts_with("}}");
    add(TokenKind::close, "}}", at_);
    at_ += trims_next_text_ ? 4 : 2;
}

void Lexer::read_token() {
    const char c = peek();
    if (c == '.' && is_word(peek(1)) && !is_digit(peek(1))) {
        read_word(TokenKind::field, 1);
    } else if (c == '.' && !is_digit(peek(1))) {
        add(TokenKind::dot, ".", at_);
        ++at_;
    } else if (c == '$') {
        read_word(TokenKind::variable, 0);
    } else if (is_digit(c) || ((c == '-' || c == '+' || c == '.') && is_digit(peek(1)))) {
        read_number();
    } else if (is_word(c)) {
        read_word(TokenKind::identifier, 0);
    } else if (c == '"') {
        read_quoted();
    } else if (c == '`') {
        read_raw();
    } else {
        read_punctuation();
    }
}

void Lexer::read_word(TokenKind kind, size_t skipped) {
    const size_t begin = at_;
    at_ += std::max<size_t>(skipped, kind == TokenKind::variable ? 1 : 0);
    const size_t name = begin + skipped;
    while (at_ < text_.size() && is_word(text_[at_])) {
        ++at_;
    }
    add(kind, std::string(text_.substr(name, at_ - name)), begin);
}

void Lexer::read_number() {
    const size_t begin = at_;
    ++at_;
    while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) {
        ++at_;
    }
    std::string_view number = text_.substr(begin, at_ - begin);
    if (number.front() == '+') {
        number.remove_prefix(1);
    }
    const std::string_view digits = number.starts_with('-') ? number.substr(1) : number;
    if (is_word(peek()) || !parse_decimal(digits)) {
        at_ = begin;
        fail("a number is malformed");
    }
    const bool is_whole = number.find('.') == number.npos;
    if (is_whole && !parse_int64(number)) {
        at_ = begin;
        fail("a number is too large");
    }
    add(is_whole ? TokenKind::integer : TokenKind::decimal, std::string(number), begin);
}

void Lexer::read_quoted() {
    const size_t begin = at_;
    std::string out;
    ++at_;
    while (true) {
        if (at_ >= text_.size() || text_[at_] == '\n') {
            fail_template(text_, begin, "a string is not closed");
        }
        const char c = text_[at_++];
        if (c == '"') {
            break;
        }
        if (c == '\\') {
            read_escape(out);
        } else {
            out += c;
        }
    }
    add(TokenKind::string, std::move(out), begin);
}

void Lexer::read_escape(std::string& out) {
    constexpr std::string_view kLetters = "abfnrtv\\\"'";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"'";
    const char c = peek();
    ++at_;
    if (const size_t index = kLetters.find(c); index != kLetters.npos) {
        out += kMeanings[index];
    } else if (c == 'x') {
        out += static_cast<char>(read_hex(2));
    } else if (c == 'u' || c == 'U') {
        const uint32_t code = read_hex(c == 'u' ? 4 : 8);
        if (code > 0x10FFFFU || (code >= 0xD800U && code <= 0xDFFFU)) {
            fail("an escape is no character");
        }
        append_utf8(code, out);
    } else {
        fail("unknown escape in a string");
    }
}

uint32_t Lexer::read_hex(size_t digits) {
    uint32_t value = 0;
    for (size_t i = 0; i < digits; ++i) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        const char c = peek();
        const size_t digit = kDigits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
        if (digit == kDigits.npos || at_ >= text_.size()) {
            fail("an escape needs hexadecimal digits");
        }
        value = value << 4U | static_cast<uint32_t>(digit);
        ++at_;
    }
    return value;
}

void Lexer::read_raw() {
    const size_t begin = at_;
    const size_t end = text_.find('`', begin + 1);
    if (end == text_.npos) {
        fail("a raw string is not closed");
    }
    at_ = end + 1;
    add(TokenKind::string, std::string(text_.substr(begin + 1, end - begin - 1)), begin);
}

void Lexer::read_punctuation() {
    const size_t begin = at_;
    if (starts_with(":=")) {
        at_ += 2;
        add(TokenKind::declare, ":=", begin);
        return;
    }
    constexpr std::string_view kCharacters = "|(),=";
    constexpr TokenKind kKinds[] = {TokenKind::pipe,
                                    TokenKind::open_paren,
                                    TokenKind::close_paren,
                                    TokenKind::comma,
                                    TokenKind::assign};
    const size_t index = kCharacters.find(peek());
    if (index == kCharacters.npos) {
        fail("unexpected character");
    }
    ++at_;
    add(kKinds[index], std::string(1, kCharacters[index]), begin);
}

}  // namespace

std::vector<Token> tokenize_template(std::string_view text) {
    return Lexer(text).run();
}

void fail_template(std::string_view text, size_t position, std::string_view problem) {
    const std::string_view before = text.substr(0, position);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const size_t line_begin = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
    throw Error(ErrorKind::invalid,
                "template: line {}, column {}: {}",
                line,
                position - line_begin + 1,
                problem);
}

}  // namespace nau::cli
