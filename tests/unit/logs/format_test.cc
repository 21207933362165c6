#include "logs/format.h"

#include <string>

#include <doctest/doctest.h>

namespace nau::logs {
namespace {

using namespace std::string_view_literals;

TEST_CASE("records look as the CRI has them") {
    std::string out;
    const Time time = *parse_rfc3339("2026-11-23T20:57:42.5Z");
    append_record(out, {time, Stream::standard_output, false, "hello world"});
    append_record(out, {time, Stream::standard_error, true, ""});
    CHECK(out ==
          "2026-11-23T20:57:42.500000000Z stdout F hello world\n"
          "2026-11-23T20:57:42.500000000Z stderr P \n");
    const size_t head = out.find("hello");
    CHECK(head == kMaxRecordHead);
}

TEST_CASE("records of any text come back") {
    const std::string_view texts[] = {
        "", " ", "  two blanks ", "F P stdout", "\0a\0"sv, "\xff\xfe", "\r", "\t\x1b[0m"};
    for (const auto text : texts) {
        for (const bool is_partial : {false, true}) {
            for (const Stream stream : {Stream::standard_output, Stream::standard_error}) {
                std::string line;
                append_record(line, {Time(std::chrono::nanoseconds(1)), stream, is_partial, text});
                line.pop_back();
                const auto record = parse_record(line);
                REQUIRE(record);
                CHECK(record->text == text);
                CHECK(record->is_partial == is_partial);
                CHECK(record->stream == stream);
                CHECK(record->time.time_since_epoch().count() == 1);
            }
        }
    }
}

TEST_CASE("records of others are read") {
    const auto record = parse_record("2026-11-23T20:57:42.5+02:00 stderr P:x text");
    REQUIRE(record);
    CHECK(record->is_partial);
    CHECK(record->text == "text");
    CHECK(format_rfc3339(record->time) == "2026-11-23T18:57:42.500000000Z");
    CHECK(parse_record("2026-11-23T20:57:42Z stdout F")->text.empty());
}

TEST_CASE("what is no record is refused") {
    for (const char* line : {"",
                             "hello",
                             "2026-11-23T20:57:42Z",
                             "2026-11-23T20:57:42Z stdout",
                             "2026-11-23T20:57:42Z stdin F x",
                             "2026-11-23T20:57:42Z stdout X x",
                             "2026-13-23T20:57:42Z stdout F x"}) {
        CAPTURE(line);
        CHECK_FALSE(parse_record(line));
    }
}

}  // namespace
}  // namespace nau::logs
