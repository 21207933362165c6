#pragma once

// Standard output of a command: results only, gathered and written in large pieces. A full disk is
// an error that the user hears of; a reader that went away (head, less) ends the command quietly,
// as other tools end by SIGPIPE.

#include <string>
#include <string_view>

#include <fmt/core.h>

#include "base/error.h"

namespace nau::cli {

/// Nobody reads standard output any more.
class OutputClosed final : public Error {
  public:
    OutputClosed() : Error(ErrorKind::interrupted, "standard output was closed") {}
};

class Output {
  public:
    /// Borrows `fd`.
    explicit Output(int fd) noexcept : fd_(fd) {}

    /// @throws OutputClosed; SysError when the bytes cannot be written
    void write(std::string_view text);
    template <typename... Args>
    void print(fmt::format_string<Args...> format, Args&&... args) {
        write(fmt::format(format, std::forward<Args>(args)...));
    }
    void flush();

    bool is_terminal() const noexcept;
    /// Columns of the terminal, or `fallback` when it is none.
    size_t columns_or(size_t fallback) const noexcept;

  private:
    int fd_;
    std::string buffer_;
};

}  // namespace nau::cli
