#pragma once

// Diagnostic output on stderr, one write(2) per line. The level is process-wide: logging and
// assertions are the only things in nau that are. What each level is for stands in the style guide:
// warn "…, ignoring"; info long work; debug decisions and their inputs; trace system calls and
// HTTP.

#include <string_view>

#include <fmt/core.h>

namespace nau::log {

enum class Level { trace, debug, info, warn, error, off };

void set_level(Level level) noexcept;
bool is_enabled(Level level) noexcept;

/// Accepts trace, debug, info, warn, error, off. @throws Error{invalid}
Level parse_level(std::string_view word);

void write(Level level, std::string_view message) noexcept;

/// Takes the place of the line on stderr: for a command line whose callers expect another form, or
/// another file. nullptr: the line again.
using Sink = void (*)(Level level, std::string_view message) noexcept;
void set_sink(Sink sink) noexcept;

}  // namespace nau::log

#define NAU_LOG(level, ...)                                       \
    do {                                                          \
        if (::nau::log::is_enabled(level)) {                      \
            ::nau::log::write(level, ::fmt::format(__VA_ARGS__)); \
        }                                                         \
    } while (false)

#define NAU_LOG_TRACE(...) NAU_LOG(::nau::log::Level::trace, __VA_ARGS__)
#define NAU_LOG_DEBUG(...) NAU_LOG(::nau::log::Level::debug, __VA_ARGS__)
#define NAU_LOG_INFO(...) NAU_LOG(::nau::log::Level::info, __VA_ARGS__)
#define NAU_LOG_WARN(...) NAU_LOG(::nau::log::Level::warn, __VA_ARGS__)
