#include "oci/registry/retry.h"

#include <algorithm>
#include <array>

#include "base/parse.h"

namespace nau::oci {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool is_transient_status(int status) noexcept {
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

bool is_transient(const HttpError& error) noexcept {
    return error.cause() == HttpError::Cause::broken ||
           error.cause() == HttpError::Cause::timed_out;
}

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) noexcept {
    // "Sun, 06 Nov 1994 08:49:37 GMT"
    //  01234567890123456789012345678
    constexpr std::array kMonths = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" ||
        text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' ||
        text[22] != ':') {
        return std::nullopt;
    }
    const auto* month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
    const auto day = parse_uint64(text.substr(5, 2));
    const auto year = parse_uint64(text.substr(12, 4));
    const auto hour = parse_uint64(text.substr(17, 2));
    const auto minute = parse_uint64(text.substr(20, 2));
    const auto second = parse_uint64(text.substr(23, 2));
    if (month == kMonths.end() || !day || !year || !hour || !minute || !second || *hour > 23 ||
        *minute > 59 || *second > 60) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date(
        std::chrono::year(static_cast<int>(*year)),
        std::chrono::month(static_cast<unsigned>(month - kMonths.begin() + 1)),
        std::chrono::day(static_cast<unsigned>(*day)));
    if (!date.ok()) {
        return std::nullopt;
    }
    return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
           seconds(*second);
}

std::optional<seconds> retry_after(const HttpHeaders& headers) {
    const auto value = headers.find("retry-after");
    if (!value) {
        return std::nullopt;
    }
    constexpr uint64_t kForever = uint64_t{365} * 24 * 3600;
    if (const auto number = parse_uint64(*value)) {
        return seconds(std::min(*number, kForever));
    }
    const auto date = headers.find("date");
    const auto now = date ? parse_http_date(*date) : std::nullopt;
    const auto then = parse_http_date(*value);
    if (!now || !then) {
        return std::nullopt;
    }
    return std::max(seconds(0), *then - *now);
}

milliseconds backoff(int attempt, double jitter) noexcept {
    const int doublings = std::clamp(attempt - 1, 0, 5);
    const double full = 500.0 * static_cast<double>(1U << static_cast<unsigned>(doublings));
    return milliseconds(static_cast<int64_t>(full * (1.0 - jitter / 4)));
}

}  // namespace nau::oci
