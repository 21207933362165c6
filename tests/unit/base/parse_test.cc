#include "base/parse.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace std::chrono_literals;

TEST_CASE("numbers are decimal digits and nothing else") {
    CHECK(nau::parse_uint64("18446744073709551615") == UINT64_MAX);
    for (const char* bad : {"", " 1", "1 ", "+1", "-1", "0x10", "1e3", "18446744073709551616"}) {
        CAPTURE(bad);
        CHECK(nau::parse_uint64(bad) == std::nullopt);
    }
    CHECK(nau::parse_int64("-9223372036854775808") == INT64_MIN);
    CHECK(nau::parse_int64("+1") == std::nullopt);
    CHECK(nau::parse_octal("0755") == 0755);
    CHECK(nau::parse_octal("8") == std::nullopt);
    CHECK(nau::parse_decimal("1.5") == 1.5);
    for (const char* bad : {"", ".", "inf", "nan", "1e3", "1.2.3", "-1"}) {
        CAPTURE(bad);
        CHECK(nau::parse_decimal(bad) == std::nullopt);
    }
}

TEST_CASE("sizes are powers of 1024 with docker's units") {
    struct Row {
        const char* text;
        uint64_t bytes;
    };
    for (const auto& row : {Row{"0", 0},
                            Row{"512", 512},
                            Row{"1k", 1024},
                            Row{"1.5g", 1610612736},
                            Row{"2GiB", 2147483648},
                            Row{"64mb", 67108864},
                            Row{"1T", 1ULL << 40}}) {
        CAPTURE(row.text);
        CHECK(nau::parse_size_bytes(row.text) == row.bytes);
    }
    for (const char* bad :
         {"", "k", "1x", "-1", "1kk", "99999999999999999999", "99999999p", "1 k"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(nau::parse_size_bytes(bad), nau::Error);
    }
}

TEST_CASE("durations are Go's, a bare number is seconds") {
    CHECK(nau::parse_duration("10") == 10s);
    CHECK(nau::parse_duration("1h30m") == 90min);
    CHECK(nau::parse_duration("250ms") == 250ms);
    CHECK(nau::parse_duration("1.5s") == 1500ms);
    for (const char* bad : {"", "s", "1x", "-1s", "1h 2m", "9999999999999"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(nau::parse_duration(bad), nau::Error);
    }
}

TEST_CASE("split keeps empty parts, split_once stops at the first separator") {
    CHECK(nau::split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
    CHECK(nau::split("", ',') == std::vector<std::string_view>{""});
    CHECK(nau::split_once("a=b=c", '=')->second == "b=c");
    CHECK(nau::split_once("abc", '=') == std::nullopt);
    CHECK(nau::trim(" \ta b\r\n") == "a b");
    CHECK(nau::to_hex(std::string_view("\x00\xff\x1a", 3)) == "00ff1a");
}
