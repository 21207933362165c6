#include "cli/human.h"

#include <array>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::cli {

namespace {

std::string count_of(int64_t number, std::string_view unit) {
    return fmt::format("{} {}", number, unit);
}

}  // namespace

std::string human_duration(std::chrono::nanoseconds duration) {
    using std::chrono::duration_cast;
    const int64_t seconds = duration_cast<std::chrono::seconds>(duration).count();
    const int64_t minutes = seconds / 60;
    const int64_t hours = (seconds + 1800) / 3600;  // rounded
    if (seconds < 1) {
        return "Less than a second";
    }
    if (seconds == 1) {
        return "1 second";
    }
    if (seconds < 60) {
        return count_of(seconds, "seconds");
    }
    if (minutes == 1) {
        return "About a minute";
    }
    if (minutes < 60) {
        return count_of(minutes, "minutes");
    }
    if (hours == 1) {
        return "About an hour";
    }
    if (hours < 48) {
        return count_of(hours, "hours");
    }
    if (hours < 24 * 7 * 2) {
        return count_of(hours / 24, "days");
    }
    if (hours < 24 * 30 * 2) {
        return count_of(hours / 24 / 7, "weeks");
    }
    if (hours < 24 * 365 * 2) {
        return count_of(hours / 24 / 30, "months");
    }
    return count_of(seconds / 3600 / 24 / 365, "years");
}

std::string human_age(Time then, Time now) {
    return human_duration(now - then) + " ago";
}

std::string human_size(uint64_t bytes) {
    constexpr std::array<std::string_view, 7> kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    auto size = static_cast<double>(bytes);
    size_t unit = 0;
    // From 999.5 on, three digits would read "1e+03".
    while (size >= 999.5 && unit + 1 < kUnits.size()) {
        size /= 1000;
        ++unit;
    }
    return fmt::format("{:.3g} {}", size, kUnits.at(unit));
}

std::string long_time(Time time) {
    std::string text = format_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
    text.resize(text.find('.'));
    text[text.find('T')] = ' ';
    return text + " +0000 UTC";
}

namespace {

std::optional<Time> parse_epoch(std::string_view text) {
    const auto parts = split_once(text, '.');
    const auto seconds = parse_int64(parts ? parts->first : text);
    if (!seconds || *seconds < 0 || *seconds > 9'000'000'000) {
        return std::nullopt;
    }
    std::string fraction(parts ? parts->second : "");
    if (fraction.size() > 9) {
        return std::nullopt;
    }
    fraction.resize(9, '0');
    const auto nanoseconds = parse_uint64(fraction);
    if (!nanoseconds) {
        return std::nullopt;
    }
    return Time(std::chrono::seconds(*seconds) +
                std::chrono::nanoseconds(static_cast<int64_t>(*nanoseconds)));
}

/// Completes a date or a time without zone to RFC 3339.
std::optional<Time> parse_date(std::string_view text) {
    switch (text.size()) {
        case std::string_view("2026-11-23").size():
            return parse_rfc3339(fmt::format("{}T00:00:00Z", text));
        case std::string_view("2026-11-23T20:57").size():
            return parse_rfc3339(fmt::format("{}:00Z", text));
        default:
            return parse_rfc3339(fmt::format("{}Z", text));
    }
}

}  // namespace

Time parse_moment(std::string_view text, Time now) {
    if (const auto time = parse_rfc3339(text)) {
        return *time;
    }
    if (const auto time = parse_epoch(text)) {
        return *time;
    }
    if (const auto time = parse_date(text)) {
        return *time;
    }
    try {
        return now - parse_duration(text);
    } catch (const Error&) {
        throw Error(ErrorKind::invalid, "'{}' is neither a time nor a duration", text)
            .with_hint("such as 2026-11-23T20:57:42Z, 2026-11-23, 1795471062 or 10m");
    }
}

}  // namespace nau::cli
