#include "events/reader.h"

#include <chrono>

#include <doctest/doctest.h>

#include "base/error.h"
#include "events/journal.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "tests/support/temp_dir.h"

namespace nau::events {
namespace {

using std::chrono::seconds;

Event container_event() {
    return {.type = EventType::container,
            .action = "died",
            .id = "abcdef0123",
            .name = "web",
            .image = "docker.io/library/nginx:1.27",
            .attributes = {{"tier", "front"}}};
}

TEST_CASE("filters: values of one key are alternatives, keys are joined") {
    Event image{.type = EventType::image,
                .action = "pull",
                .id = "sha256:1234",
                .name = "quay.io/team/app:v1"};
    Event volume{.type = EventType::volume, .action = "create", .name = "data"};
    const struct {
        std::vector<std::string> filters;
        bool container;
        bool image;
        bool volume;
    } cases[] = {
        {{}, true, true, true},
        {{"event=died"}, true, false, false},
        {{"event=die"}, true, false, false},
        {{"event=died", "event=pull"}, true, true, false},
        {{"type=volume"}, false, false, true},
        {{"container=web"}, true, false, false},
        {{"container=abc"}, true, false, false},
        {{"container=we"}, false, false, false},
        {{"container=other", "container=web"}, true, false, false},
        {{"image=nginx"}, true, false, false},
        {{"image=nginx:1.27"}, true, false, false},
        {{"image=ginx"}, false, false, false},
        {{"image=team/app"}, false, true, false},
        {{"image=12"}, false, true, false},
        {{"volume=data"}, false, false, true},
        {{"network=data"}, false, false, false},
        {{"label=tier"}, true, false, false},
        {{"label=tier=front"}, true, false, false},
        {{"label=tier=back"}, false, false, false},
        {{"label=tier", "label=other"}, false, false, false},
        {{"container=web", "event=start"}, false, false, false},
    };
    for (const auto& test : cases) {
        EventFilter filter;
        for (const auto& text : test.filters) {
            CAPTURE(text);
            filter.add(text);
        }
        CHECK(filter.matches(container_event()) == test.container);
        CHECK(filter.matches(image) == test.image);
        CHECK(filter.matches(volume) == test.volume);
    }
}

TEST_CASE("namespaces are apart") {
    EventFilter filter;
    filter.namespaces = {"ci"};
    CHECK_FALSE(filter.matches(container_event()));
    Event event = container_event();
    event.namespace_name = "ci";
    CHECK(filter.matches(event));
}

TEST_CASE("a filter that makes no sense is invalid") {
    EventFilter filter;
    for (const char* text : {"died", "colour=red", "type=cloud"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(filter.add(text), Error);
    }
}

TEST_CASE("since and until bound what is read") {
    const test::TempDir dir;
    const std::string path = dir.file("journal.jsonl");
    const Journal journal(path);
    const Time base = *parse_rfc3339("2026-11-23T12:00:00Z");
    for (int i = 0; i < 10; ++i) {
        Event event = container_event();
        event.time = base + seconds(i);
        event.id = std::to_string(i);
        journal.append(event);
    }
    std::string seen;
    read_events(
        path, {.since = base + seconds(3), .until = base + seconds(6)}, [&](const Event& event) {
            seen += event.id;
            return true;
        });
    CHECK(seen == "3456");
}

TEST_CASE("lines that are no events are skipped") {
    const test::TempDir dir;
    const std::string path = dir.file("journal.jsonl");
    sys::AppendFile(path).append("garbage\n\n{\"time\":7}\n" + to_json_line(container_event()));
    int count = 0;
    read_events(path, {}, [&](const Event& event) {
        CHECK(event == container_event());
        ++count;
        return true;
    });
    CHECK(count == 1);
}

TEST_CASE("a journal that does not exist is empty") {
    const test::TempDir dir;
    read_events(dir.file("none/journal.jsonl"), {}, [](const Event&) -> bool {
        FAIL("an event out of nothing");
        return false;
    });
}

TEST_CASE("following ends at the stop descriptor and at until") {
    const test::TempDir dir;
    const auto never = [](const Event&) { return true; };
    sys::Pipe pipe = sys::pipe2();
    pipe.write.reset();
    read_events(dir.file("journal.jsonl"), {.follow = true, .stop_fd = pipe.read.get()}, never);
    read_events(dir.file("journal.jsonl"),
                {.until = SystemClock().now() + std::chrono::milliseconds(20), .follow = true},
                never);
}

}  // namespace
}  // namespace nau::events
