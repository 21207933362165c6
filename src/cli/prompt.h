#pragma once

// Questions to the person at the terminal, on standard error.

#include <string>
#include <string_view>

namespace nau::cli {

/// A line from standard input, without blanks around it. @throws Error{interrupted} at its end
std::string ask_line(std::string_view question);

/// The same without showing what is typed. @pre standard input is a terminal
/// @throws Error{interrupted} on Ctrl-C, and at the end of the input
std::string ask_secret(std::string_view question);

/// What the keys that were pressed leave of a line: backspace takes a character away, Ctrl-U all
/// of them. Pure.
std::string edited_line(std::string_view keys);

}  // namespace nau::cli
