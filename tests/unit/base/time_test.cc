#include "base/time.h"

#include <doctest/doctest.h>

TEST_CASE("RFC 3339 text has nine digits and comes back the same") {
    const nau::Time time{std::chrono::nanoseconds(1'763'931'462'123'456'789)};
    CHECK(nau::format_rfc3339(time) == "2025-11-23T20:57:42.123456789Z");
    CHECK(nau::parse_rfc3339("2025-11-23T20:57:42.123456789Z") == time);
    CHECK(nau::parse_rfc3339("2025-11-23T22:57:42.123456789+02:00") == time);
    CHECK(nau::parse_rfc3339("1970-01-01T00:00:00Z") == nau::Time{});
}

TEST_CASE("what is not a date-time is refused") {
    for (const char* bad : {"",
                            "2025-11-23",
                            "2025-02-30T00:00:00Z",
                            "2025-11-23T24:00:00Z",
                            "2025-11-23T20:57:42",
                            "2025-11-23T20:57:42.Z",
                            "2025-11-23T20:57:42Zx"}) {
        CAPTURE(bad);
        CHECK(nau::parse_rfc3339(bad) == std::nullopt);
    }
}
