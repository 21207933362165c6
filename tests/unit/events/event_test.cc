#include "events/event.h"

#include <doctest/doctest.h>

#include "base/error.h"

namespace nau::events {
namespace {

Event sample() {
    return {.time = *parse_rfc3339("2026-11-23T20:57:42.000000007Z"),
            .namespace_name = "ci",
            .type = EventType::container,
            .action = "died",
            .id = "0123",
            .name = "web \"1\"\n",
            .image = "docker.io/library/nginx:latest",
            .attributes = {{"exitCode", "0"}, {"a", "ü"}}};
}

TEST_CASE("an event is one line with the time in front") {
    CHECK(to_json_line(sample()) ==
          R"({"time":"2026-11-23T20:57:42.000000007Z","namespace":"ci","type":"container",)"
          R"("action":"died","id":"0123","name":"web \"1\"\n",)"
          R"("image":"docker.io/library/nginx:latest","attributes":{"a":"ü","exitCode":"0"}})"
          "\n");
}

TEST_CASE("an event survives the journal") {
    CHECK(parse_event(to_json_line(sample())) == sample());
}

TEST_CASE("bytes that are not UTF-8 do not break the line") {
    Event event = sample();
    event.name = "\xff\xfe";
    CHECK(parse_event(to_json_line(event)).name == "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("what is no event is corrupt and says where") {
    const struct {
        const char* line;
        const char* text;
    } cases[] = {
        {"", "event: is not valid JSON"},
        {"{}", "event: has no 'time'"},
        {R"({"time":"yesterday"})", "event: time: is no RFC 3339 time"},
        {R"({"time":"2026-11-23T20:57:42Z","type":"cloud","action":"x"})",
         "event: type: unknown event type 'cloud' (container, image, volume, network, system)"},
        {R"({"time":"2026-11-23T20:57:42Z","type":"image"})", "event: has no 'action'"},
    };
    for (const auto& test : cases) {
        CAPTURE(test.line);
        try {
            (void)parse_event(test.line);
            FAIL("was accepted");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::corrupt);
            CHECK(error.text() == test.text);
        }
    }
}

TEST_CASE("unknown members are ignored and absent ones have defaults") {
    const Event event =
        parse_event(R"({"time":"2026-11-23T20:57:42Z","type":"image","action":"pull","future":1})");
    CHECK(event.namespace_name == "default");
    CHECK(event.type == EventType::image);
    CHECK(event.attributes.empty());
}

}  // namespace
}  // namespace nau::events
