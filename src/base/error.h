#pragma once

// Failure in nau is an exception of type Error (a kind from a closed set, plus text for people) or
// of its child SysError, which also carries an errno. Code branches on kind or errno, never on
// text. The text grows outwards: the innermost cause is made at the source with its object
// ("open /a/b: Permission denied"), and each caller that a user would ask about ("while doing
// what?") adds a frame with doing(). The command line prints the whole once.

#include <concepts>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/core.h>

namespace nau {

enum class ErrorKind {
    internal,
    invalid,
    not_found,
    already_exists,
    in_use,
    permission_denied,
    unsupported,
    corrupt,
    unavailable,
    timed_out,
    interrupted,
};

/// The enumerator's name, e.g. "not_found"; it is what travels in messages between processes.
std::string_view to_string(ErrorKind kind) noexcept;

/// The inverse of to_string(ErrorKind); an unknown word is ErrorKind::internal.
ErrorKind parse_error_kind(std::string_view word) noexcept;

class Error : public std::exception {
  public:
    template <typename... Args>
    Error(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args)
        : kind_(kind), text_(fmt::format(format, std::forward<Args>(args)...)) {}

    ErrorKind kind() const noexcept { return kind_; }
    const std::string& text() const noexcept { return text_; }
    const char* what() const noexcept override { return text_.c_str(); }

    /// What the user can try; printed on a line of its own. Empty if there is no advice.
    const std::string& hint() const noexcept { return hint_; }
    Error& with_hint(std::string hint) & {
        hint_ = std::move(hint);
        return *this;
    }
    Error&& with_hint(std::string hint) && {
        hint_ = std::move(hint);
        return std::move(*this);
    }

    /// Puts "context: " before the text; used by doing().
    void add_context(std::string_view context) { text_.insert(0, fmt::format("{}: ", context)); }

  protected:
    void append_text(std::string_view text) { text_ += text; }

  private:
    ErrorKind kind_;
    std::string text_;
    std::string hint_;
};

/// The kind that an errno means when nothing better is known (ENOENT is not_found, EBUSY in_use,
/// …).
ErrorKind error_kind_of_errno(int error) noexcept;

/// The C library's text for an errno, without locale and without the static buffer of strerror().
std::string errno_text(int error);

/// A failed system call: text is "<what>: <errno text>".
class SysError : public Error {
  public:
    template <typename... Args>
    SysError(int error, fmt::format_string<Args...> format, Args&&... args)
        : Error(error_kind_of_errno(error),
                "{}: {}",
                fmt::format(format, std::forward<Args>(args)...),
                errno_text(error)),
          error_(error) {}

    int error() const noexcept { return error_; }

  private:
    int error_;
};

/// Runs `action` and returns its result; an Error that leaves it gets `context` (a string, or a
/// callable that makes one when it is needed) put before its text. Kind, errno and type are kept.
template <typename Context, typename Action>
auto doing(Context&& context, Action&& action) -> std::invoke_result_t<Action> {
    try {
        return std::forward<Action>(action)();
    } catch (Error& error) {
        if constexpr (std::invocable<Context>) {
            error.add_context(std::forward<Context>(context)());
        } else {
            error.add_context(std::forward<Context>(context));
        }
        throw;
    }
}

}  // namespace nau
