#include "base/time.h"

#include <fmt/core.h>

#include "base/parse.h"

namespace nau {

using std::chrono::days;
using std::chrono::nanoseconds;

Time SystemClock::now() const {
    return std::chrono::time_point_cast<nanoseconds>(std::chrono::system_clock::now());
}

std::string format_rfc3339(Time time) {
    const auto day = std::chrono::floor<days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
                       static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()),
                       clock.hours().count(),
                       clock.minutes().count(),
                       clock.seconds().count(),
                       clock.subseconds().count());
}

namespace {

/// Takes fixed fields off the front of a text; once one does not fit, `ok` stays false.
struct FieldReader {
    std::string_view rest;
    bool ok = true;

    int number(size_t digits, int low, int high) noexcept {
        const auto value = parse_uint64(rest.substr(0, digits));
        ok = ok && rest.size() >= digits && value && *value >= static_cast<uint64_t>(low) &&
             *value <= static_cast<uint64_t>(high);
        if (!ok) {
            return low;
        }
        rest.remove_prefix(digits);
        return static_cast<int>(*value);
    }

    bool take(std::string_view choices) noexcept {
        if (!ok || rest.empty() || choices.find(rest.front()) == choices.npos) {
            return false;
        }
        rest.remove_prefix(1);
        return true;
    }

    void require(std::string_view choices) noexcept { ok = take(choices) && ok; }
};

nanoseconds read_fraction(FieldReader& in) noexcept {
    int64_t value = 0;
    int digits = 0;
    while (!in.rest.empty() && in.rest.front() >= '0' && in.rest.front() <= '9') {
        if (digits < 9) {
            value = value * 10 + (in.rest.front() - '0');
            ++digits;
        }
        in.rest.remove_prefix(1);
    }
    in.ok = in.ok && digits > 0;
    for (; digits < 9; ++digits) {
        value *= 10;
    }
    return nanoseconds(value);
}

std::chrono::minutes read_offset(FieldReader& in) noexcept {
    if (in.take("Zz")) {
        return std::chrono::minutes(0);
    }
    const bool is_west = !in.rest.empty() && in.rest.front() == '-';
    in.require("+-");
    const int hours = in.number(2, 0, 23);
    in.require(":");
    const int minutes = in.number(2, 0, 59);
    const std::chrono::minutes offset(hours * 60 + minutes);
    return is_west ? -offset : offset;
}

}  // namespace

std::optional<Time> parse_rfc3339(std::string_view text) noexcept {
    FieldReader in{.rest = text};
    const int year = in.number(4, 1678, 2261);  // what nanoseconds in 64 bits can hold
    in.require("-");
    const int month = in.number(2, 1, 12);
    in.require("-");
    const int day = in.number(2, 1, 31);
    in.require("Tt ");
    const int hour = in.number(2, 0, 23);
    in.require(":");
    const int minute = in.number(2, 0, 59);
    in.require(":");
    const int second = in.number(2, 0, 60);
    const nanoseconds fraction = in.take(".") ? read_fraction(in) : nanoseconds(0);
    const auto offset = read_offset(in);
    const std::chrono::year_month_day date(std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day)));
    if (!in.ok || !in.rest.empty() || !date.ok()) {
        return std::nullopt;
    }
    return Time(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + std::chrono::seconds(second) + fraction - offset;
}

}  // namespace nau
