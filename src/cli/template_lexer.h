#pragma once

// Cuts a --format template into tokens. See format_template.h.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nau::cli {

enum class TokenKind : uint8_t {
    text,        ///< outside of {{…}}
    open,        ///< {{
    close,       ///< }}
    field,       ///< .Name; text is "Name"
    dot,         ///< . alone
    variable,    ///< $name or $; text has the '$'
    identifier,  ///< functions and keywords, true, false, nil
    string,      ///< quoted or raw; text is what it means
    integer,
    decimal,
    pipe,
    open_paren,
    close_paren,
    comma,
    declare,  ///< :=
    assign,   ///< =
    end,
};

struct Token {
    TokenKind kind = TokenKind::end;
    std::string text;
    size_t position = 0;       ///< byte in the template, for errors
    bool after_blank = false;  ///< ".A .B" are two operands, ".A.B" is one
};

/// The last token is TokenKind::end. @throws Error{invalid}
std::vector<Token> tokenize_template(std::string_view text);

/// "template: line 1, column 8: <problem>" as Error{invalid}.
[[noreturn]] void fail_template(std::string_view text, size_t position, std::string_view problem);

}  // namespace nau::cli
