#include "oci/registry/retry.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using nau::oci::backoff;
using nau::oci::HttpError;
using nau::oci::HttpHeaders;
using nau::oci::parse_http_date;
using nau::oci::retry_after;

namespace {

HttpHeaders headers(std::vector<std::pair<std::string, std::string>> list) {
    HttpHeaders result;
    for (const auto& [name, value] : list) {
        result.add(name, value);
    }
    return result;
}

}  // namespace

TEST_CASE("statuses and failures that pass") {
    for (const int status : {408, 429, 500, 502, 503, 504}) {
        CHECK(nau::oci::is_transient_status(status));
    }
    for (const int status : {200, 206, 301, 400, 401, 403, 404, 416, 501, 505}) {
        CHECK_FALSE(nau::oci::is_transient_status(status));
    }
    using Cause = HttpError::Cause;
    const auto passes = [](Cause cause) {
        return nau::oci::is_transient(HttpError(cause, nau::ErrorKind::unavailable, "x"));
    };
    CHECK(passes(Cause::broken));
    CHECK(passes(Cause::timed_out));
    for (const auto cause :
         {Cause::unknown_host, Cause::refused, Cause::untrusted, Cause::tls, Cause::not_http}) {
        CHECK_FALSE(passes(cause));
    }
}

TEST_CASE("Retry-After is seconds or a date against the response's own") {
    CHECK(retry_after(headers({})) == std::nullopt);
    CHECK(retry_after(headers({{"Retry-After", "7"}})) == 7s);
    CHECK(retry_after(headers({{"Retry-After", "0"}})) == 0s);
    CHECK(retry_after(headers({{"Retry-After", "-1"}})) == std::nullopt);
    CHECK(retry_after(headers({{"Retry-After", "1.5"}})) == std::nullopt);
    CHECK(retry_after(headers({{"Retry-After", "18446744073709551615"}})) == 365 * 24h);
    CHECK(retry_after(headers({{"Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"},
                               {"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}})) == 30s);
    CHECK(retry_after(headers({{"Retry-After", "Sun, 06 Nov 1994 08:49:07 GMT"},
                               {"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}})) == 0s);
    CHECK(retry_after(headers({{"Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"}})) == std::nullopt);
}

TEST_CASE("HTTP dates") {
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").value().time_since_epoch() ==
          784111777s);
    CHECK(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT").has_value());
    for (const char* bad : {"",
                            "Sunday, 06-Nov-94 08:49:37 GMT",
                            "Sun Nov  6 08:49:37 1994",
                            "Sun, 06 Nov 1994 08:49:37 CET",
                            "Sun, 31 Feb 1994 08:49:37 GMT",
                            "Sun, 06 Xxx 1994 08:49:37 GMT",
                            "Sun, 06 Nov 1994 24:49:37 GMT",
                            "Sun, +6 Nov 1994 08:49:37 GMT",
                            "Sun, 06 Nov 1994 08-49-37 GMT"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_http_date(bad));
    }
}

TEST_CASE("waits double up to sixteen seconds, less a jitter") {
    CHECK(backoff(1, 0) == 500ms);
    CHECK(backoff(2, 0) == 1s);
    CHECK(backoff(3, 0) == 2s);
    CHECK(backoff(6, 0) == 16s);
    CHECK(backoff(100, 0) == 16s);
    CHECK(backoff(1, 0.5) == 437ms);
    CHECK(backoff(0, 0.999) >= 375ms);
}
