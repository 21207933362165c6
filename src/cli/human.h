#pragma once

// Times and sizes as people say them, in the words that podman and docker use.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace nau::cli {

/// "Less than a second", "45 seconds", "About a minute", "3 hours", "2 weeks". Negative ones count
/// as nothing.
std::string human_duration(std::chrono::nanoseconds duration);
/// "3 hours ago"
std::string human_age(Time then, Time now);
/// Powers of 1000, three digits: "0 B", "8.46 MB", "1.14 GB".
std::string human_size(uint64_t bytes);

/// "2026-11-23 20:57:42 +0000 UTC", as podman shows the time of creation.
std::string long_time(Time time);

/// What --since and --until take: RFC 3339, "2026-11-23[T20:57[:42]]" in UTC, seconds since the
/// epoch with or without fraction, or a duration that lies back ("10m"). @throws Error{invalid}
Time parse_moment(std::string_view text, Time now);

}  // namespace nau::cli
