#include "logs/json_line.h"

#include <random>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "logs/codec.h"

namespace nau::logs {
namespace {

using namespace std::string_view_literals;

constexpr auto kOut = Stream::standard_output;
constexpr auto kErr = Stream::standard_error;

std::string line_of(const Record& record, std::string_view tag = "") {
    std::string out;
    append_json_line(out, json_time(record.time), record, tag);
    return out;
}

TEST_CASE("lines look as docker writes them") {
    const Time time = *parse_rfc3339("2026-11-23T20:57:42.1203Z");
    CHECK(line_of({time, kOut, false, "hello"}) ==
          R"({"log":"hello\n","stream":"stdout","time":"2026-11-23T20:57:42.1203Z"})"
          "\n");
    CHECK(line_of({time, kErr, true, "<a> & \"b\"\t\x01\r\\"}, "web") ==
          R"({"log":"\u003ca\u003e \u0026 \"b\"\u0009\u0001\r\\","stream":"stderr",)"
          R"("attrs":{"tag":"web"},"time":"2026-11-23T20:57:42.1203Z"})"
          "\n");
    CHECK(line_of({time, kOut, false, "\xC3\xA9\xE2\x80\xA8\xF0\x9F\x90\xB3"}) ==
          "{\"log\":\"\xC3\xA9\\u2028\xF0\x9F\x90\xB3\\n\",\"stream\":\"stdout\","
          "\"time\":\"2026-11-23T20:57:42.1203Z\"}\n");
    CHECK(line_of({time, kOut, false, "a\xFFz"}) ==
          R"({"log":"a\ufffdz\n","stream":"stdout","bytes":"61ff7a0a",)"
          R"("time":"2026-11-23T20:57:42.1203Z"})"
          "\n");
    CHECK(json_time(*parse_rfc3339("2026-11-23T20:57:40Z")) == "2026-11-23T20:57:40Z");
}

TEST_CASE("any text comes back, and the line is JSON") {
    std::mt19937 random(3);
    for (int round = 0; round < 3000; ++round) {
        std::string text(random() % 40, '\0');
        for (char& byte : text) {
            byte = static_cast<char>(round % 2 == 0 ? random() % 256 : 0xBF + random() % 0x36);
            byte = byte == '\n' ? ' ' : byte;
        }
        const Record record{Time(std::chrono::nanoseconds(random())),
                            round % 3 == 0 ? kErr : kOut,
                            round % 5 == 0,
                            text};
        std::string line = line_of(record, round % 7 == 0 ? "t\xFF" : "");
        REQUIRE(line.size() <= kMaxLine);
        line.pop_back();
        CHECK_NOTHROW((void)json::parse(line, "line"));
        std::string scratch;
        const auto read = parse_json_line(line, scratch);
        REQUIRE(read);
        CHECK(read->text == text);
        CHECK(read->stream == record.stream);
        CHECK(read->is_partial == record.is_partial);
        CHECK(read->time == record.time);
    }
}

TEST_CASE("the longest text fits into kMaxLine") {
    const std::string text(kMaxText, '\xFF');
    const std::string tag(kMaxTag, '\x01');
    CHECK(line_of({Time{}, kErr, false, text}, tag).size() <= kMaxLine);
    const std::string controls(kMaxText, '\x01');
    CHECK(line_of({Time{}, kErr, false, controls}, tag).size() <= kMaxLine);
}

TEST_CASE("lines of docker itself, in any order and with any members") {
    std::string text;
    const auto record = parse_line(
        R"( { "time" : "2026-11-23T20:57:42.5+02:00", "attrs":{"a":[1,{"b":null}],"c":"}"},)"
        R"("stream":"stderr","log":"\ud83d\udc33\u00e9\/\b\n" } )",
        text);
    CHECK_FALSE(record);  // does not begin with '{', so it is no line of json-file
    const auto other = parse_line(
        R"({ "time" : "2026-11-23T20:57:42.5+02:00", "attrs":{"a":[1,{"b":null}],"c":"}"},)"
        R"("stream":"stderr","log":"\ud83d\udc33\u00e9\/\b\n" } )",
        text);
    REQUIRE(other);
    CHECK(other->text == "\xF0\x9F\x90\xB3\xC3\xA9/\b");
    CHECK_FALSE(other->is_partial);
    CHECK(other->stream == kErr);
    CHECK(format_rfc3339(other->time) == "2026-11-23T18:57:42.500000000Z");
}

TEST_CASE("what is no line of docker's is refused") {
    std::string nested = R"({"log":"x","stream":"stdout","time":"2026-11-23T20:57:42Z","a":)";
    nested += std::string(1000, '[');
    for (const std::string& line :
         {std::string("{}"),
          std::string(R"({"log":"x","stream":"stdout"})"),
          std::string(R"({"log":"x","stream":"stdin","time":"2026-11-23T20:57:42Z"})"),
          std::string(R"({"log":"x","stream":"stdout","time":"yesterday"})"),
          std::string(R"({"log":"x","stream":"stdout","time":"2026-11-23T20:57:42Z"}x)"),
          std::string(R"({"log":"x\u12","stream":"stdout","time":"2026-11-23T20:57:42Z"})"),
          std::string(R"({"log":"x\q","stream":"stdout","time":"2026-11-23T20:57:42Z"})"),
          std::string(R"({"log":"\ud800\u0041","stream":"stdout","time":"2026-11-23T20:57:42Z"})"),
          std::string(R"({"log":"x)"),
          nested}) {
        CAPTURE(line);
        std::string text;
        CHECK_FALSE(parse_line(line, text));
    }
}

}  // namespace
}  // namespace nau::logs
