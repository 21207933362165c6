#include "engine/container/past_containers.h"

#include <doctest/doctest.h>

using nau::engine::ContainerStatus;
using nau::engine::EventLine;
using nau::engine::PastContainers;

namespace {

EventLine event(int second,
                const char* action,
                const char* id,
                std::map<std::string, std::string> attributes = {}) {
    return {.time = nau::Time(std::chrono::seconds(second)),
            .type = "container",
            .action = action,
            .id = id,
            .name = std::string("name-") + id,
            .image = "img",
            .attributes = std::move(attributes)};
}

}  // namespace

TEST_CASE("events are played to the state after the last of them") {
    PastContainers past;
    past.add(event(1, "create", "a"));
    past.add(event(2, "create", "b"));
    CHECK(past.list(false).empty());
    past.add(event(3, "start", "a"));
    past.add(event(4, "health_status", "a", {{"healthStatus", "healthy"}}));
    past.add(event(5, "start", "b"));
    past.add(event(6, "died", "b", {{"exitCode", "7"}}));
    auto running = past.list(false);
    REQUIRE(running.size() == 1);
    CHECK(running[0].id == "a");
    CHECK(running[0].health == "healthy");
    CHECK(*running[0].started == nau::Time(std::chrono::seconds(3)));
    auto all = past.list(true);
    REQUIRE(all.size() == 2);
    CHECK(all[0].id == "b");  // the newest first
    CHECK(all[0].status == ContainerStatus::exited);
    CHECK(all[0].exit_code == 7);
    past.add(event(7, "pause", "a"));
    CHECK(past.list(false)[0].status == ContainerStatus::paused);
    past.add(event(8, "unpause", "a"));
    CHECK(past.list(false)[0].status == ContainerStatus::running);
    past.add(event(9, "died", "a"));
    past.add(event(9, "remove", "b"));
    all = past.list(true);
    REQUIRE(all.size() == 1);
    CHECK_FALSE(all[0].exit_code.has_value());  // nobody knew
}

TEST_CASE("a container older than the journal is there from its first event on") {
    PastContainers past;
    past.add(event(5, "exec", "a"));
    past.add(event(6, "pause", "a"));
    REQUIRE(past.list(true).size() == 1);
    CHECK(past.list(true)[0].name == "name-a");
}
