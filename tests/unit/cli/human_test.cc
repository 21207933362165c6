#include "cli/human.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace nau::cli;  // NOLINT(google-build-using-namespace): a test
using namespace std::chrono_literals;

TEST_CASE("durations are said as podman says them") {
    struct Row {
        std::chrono::nanoseconds duration;
        const char* expected;
    };
    for (const Row& row : {Row{-5s, "Less than a second"},
                           Row{450ms, "Less than a second"},
                           Row{1s, "1 second"},
                           Row{59s, "59 seconds"},
                           Row{60s, "About a minute"},
                           Row{119s, "About a minute"},
                           Row{120s, "2 minutes"},
                           Row{59min, "59 minutes"},
                           Row{60min, "About an hour"},
                           Row{89min, "About an hour"},
                           Row{90min, "2 hours"},
                           Row{47h, "47 hours"},
                           Row{48h, "2 days"},
                           Row{24h * 14, "2 weeks"},
                           Row{24h * 60, "2 months"},
                           Row{24h * 365 * 2, "2 years"}}) {
        CAPTURE(row.expected);
        CHECK(human_duration(row.duration) == row.expected);
    }
    CHECK(human_age(nau::Time(0s), nau::Time(3h)) == "3 hours ago");
}

TEST_CASE("sizes have three digits") {
    CHECK(human_size(0) == "0 B");
    CHECK(human_size(999) == "999 B");
    CHECK(human_size(1000) == "1 kB");
    CHECK(human_size(8'456'789) == "8.46 MB");
    CHECK(human_size(999'600) == "1 MB");
    CHECK(human_size(123'456'789'000) == "123 GB");
    CHECK(human_size(UINT64_MAX) == "18.4 EB");
}

TEST_CASE("moments are times, dates, seconds or durations") {
    const nau::Time now = *nau::parse_rfc3339("2026-11-23T12:00:00Z");
    const auto text = [&](const char* moment) {
        return nau::format_rfc3339(parse_moment(moment, now));
    };
    CHECK(text("2026-11-23T10:00:00.5Z") == "2026-11-23T10:00:00.500000000Z");
    CHECK(text("2026-11-23T10:00:00+02:00") == "2026-11-23T08:00:00.000000000Z");
    CHECK(text("2026-11-23") == "2026-11-23T00:00:00.000000000Z");
    CHECK(text("2026-11-23T10:30") == "2026-11-23T10:30:00.000000000Z");
    CHECK(text("2026-11-23T10:30:15") == "2026-11-23T10:30:15.000000000Z");
    CHECK(text("10m") == "2026-11-23T11:50:00.000000000Z");
    CHECK(text("1h30m") == "2026-11-23T10:30:00.000000000Z");
    CHECK(text("0") == "1970-01-01T00:00:00.000000000Z");
    CHECK(text("1.25") == "1970-01-01T00:00:01.250000000Z");
    for (const char* wrong : {"", "yesterday", "-5", "2026-13-01", "1.1234567890"}) {
        CAPTURE(wrong);
        CHECK_THROWS_AS(parse_moment(wrong, now), nau::Error);
    }
}

TEST_CASE("the long time is podman's") {
    CHECK(long_time(*nau::parse_rfc3339("2026-11-23T12:00:01.9Z")) ==
          "2026-11-23 12:00:01 +0000 UTC");
}
