#pragma once

// Wall-clock time in nanoseconds since the epoch, its RFC 3339 text, and the clock as a seam for
// tests.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace nau {

using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

class Clock {
  public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;

    virtual Time now() const = 0;
};

class SystemClock final : public Clock {
  public:
    Time now() const override;
};

/// "2026-11-23T20:57:42.123456789Z": UTC, always nine digits, so that texts sort as times do.
std::string format_rfc3339(Time time);

/// Any RFC 3339 date-time with 0 to 9 digits of a second and any offset. nullopt when it is not
/// one.
std::optional<Time> parse_rfc3339(std::string_view text) noexcept;

}  // namespace nau
