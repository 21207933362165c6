// The decisions behind supervision: when a container is started again, when it is unhealthy.

#include <doctest/doctest.h>

#include "base/error.h"
#include "monitor/health.h"
#include "monitor/restart_policy.h"

using namespace std::chrono_literals;

namespace nau::monitor {

TEST_CASE("a restart policy is read and written in its shortest form") {
    for (const auto& [text, expected] : {std::pair{"", "no"},
                                         std::pair{"never", "no"},
                                         std::pair{"always", "always"},
                                         std::pair{"on-failure", "on-failure"},
                                         std::pair{"on-failure:0", "on-failure"},
                                         std::pair{"on-failure:5", "on-failure:5"},
                                         std::pair{"unless-stopped", "unless-stopped"}}) {
        CHECK(to_string(parse_restart_policy(text)) == expected);
    }
    for (const char* text : {"sometimes", "always:3", "on-failure:", "on-failure:x"}) {
        CHECK_THROWS_AS((void)parse_restart_policy(text), Error);
    }
}

TEST_CASE("restarts are spread out, and a good run begins anew") {
    RestartSchedule schedule({.mode = RestartMode::always}, 0);
    const ExitRecord end{.exit_code = 1, .cause = ExitCause::exited};
    CHECK(schedule.next(end, 1s) == 100ms);
    CHECK(schedule.next(end, 1s) == 200ms);
    CHECK(schedule.next(end, 9s) == 400ms);
    CHECK(schedule.next(end, 10s) == 100ms);
    for (int i = 0; i < 20; ++i) {
        (void)schedule.next(end, 0s);
    }
    CHECK(schedule.next(end, 0s) == 60s);
    CHECK(schedule.count() == 25);
}

TEST_CASE("what a user has ended stays ended, whatever the policy") {
    RestartSchedule schedule({.mode = RestartMode::always}, 0);
    CHECK_FALSE(schedule.next({.exit_code = 0, .cause = ExitCause::user}, 1s));
    CHECK_FALSE(schedule.next({.exit_code = 127, .cause = ExitCause::start_failed}, 1s));
    CHECK(schedule.next({.exit_code = 0, .cause = ExitCause::exited}, 1s));
}

TEST_CASE("on-failure counts failures only, up to its number") {
    RestartSchedule schedule({.mode = RestartMode::on_failure, .max_retries = 2}, 0);
    CHECK_FALSE(schedule.next({.exit_code = 0, .cause = ExitCause::exited}, 1s));
    CHECK(schedule.next({.exit_code = 1, .cause = ExitCause::exited}, 1s));
    CHECK(schedule.next({.exit_code = 137, .cause = ExitCause::oom}, 1s));
    CHECK_FALSE(schedule.next({.exit_code = 1, .cause = ExitCause::exited}, 1s));
}

TEST_CASE("after a boot always starts, unless-stopped when nobody has stopped it") {
    CHECK(starts_at_boot({.mode = RestartMode::always}, true));
    CHECK(starts_at_boot({.mode = RestartMode::unless_stopped}, false));
    CHECK_FALSE(starts_at_boot({.mode = RestartMode::unless_stopped}, true));
    CHECK_FALSE(starts_at_boot({.mode = RestartMode::on_failure}, false));
}

TEST_CASE("failures in a row make unhealthy, one success makes healthy") {
    HealthTracker tracker({.check = {.argv = {"x"}, .retries = 2}});
    CHECK_FALSE(tracker.record({.exit_code = 1}, 1s).has_changed);
    CHECK(tracker.state().status == HealthStatus::starting);
    CHECK(tracker.record({.exit_code = 1}, 2s).has_changed);
    CHECK(tracker.state().status == HealthStatus::unhealthy);
    CHECK_FALSE(tracker.record({.exit_code = 1}, 3s).has_changed);
    CHECK(tracker.record({.exit_code = 0}, 4s).has_changed);
    CHECK(tracker.state().status == HealthStatus::healthy);
    CHECK(tracker.state().failing_streak == 0);
}

TEST_CASE("the action follows the change, once") {
    HealthTracker tracker(
        {.check = {.argv = {"x"}, .retries = 1}, .on_failure = HealthAction::kill});
    CHECK(tracker.record({.exit_code = 1}, 1s).action == HealthAction::kill);
    CHECK(tracker.record({.exit_code = 1}, 2s).action == HealthAction::none);
}

TEST_CASE("the start period forgives until the first success, and is checked more often") {
    HealthTracker tracker({.check = {.argv = {"x"}, .interval = 30s, .retries = 1},
                           .start_period = 60s,
                           .start_interval = 2s});
    CHECK(tracker.delay(0s) == 2s);
    CHECK_FALSE(tracker.record({.exit_code = 1}, 10s).has_changed);
    CHECK(tracker.state().failing_streak == 0);
    (void)tracker.record({.exit_code = 0}, 12s);
    CHECK(tracker.delay(13s) == 30s);
    CHECK(tracker.record({.exit_code = 1}, 20s).has_changed);
}

TEST_CASE("the start-up check comes first and may give up") {
    HealthTracker tracker({.check = {.argv = {"regular"}},
                           .startup = HealthCommand{.argv = {"startup"}, .retries = 2},
                           .startup_successes = 2});
    CHECK(tracker.current().argv.front() == "startup");
    (void)tracker.record({.exit_code = 0}, 1s);
    (void)tracker.record({.exit_code = 1}, 2s);
    (void)tracker.record({.exit_code = 0}, 3s);
    CHECK(tracker.current().argv.front() == "startup");
    (void)tracker.record({.exit_code = 0}, 4s);
    CHECK(tracker.current().argv.front() == "regular");
    tracker.start_over();
    (void)tracker.record({.exit_code = 1}, 1s);
    CHECK(tracker.record({.exit_code = 1}, 2s).action == HealthAction::restart);
}

TEST_CASE("the log of results is bounded and survives as text") {
    HealthTracker tracker({.check = {.argv = {"x"}}, .max_log_count = 3});
    for (int i = 0; i < 10; ++i) {
        (void)tracker.record({.exit_code = i, .output = "out"}, 1s);
    }
    CHECK(tracker.state().log.size() == 3);
    CHECK(tracker.state().log.front().exit_code == 7);
    CHECK(parse_health_state(to_json(tracker.state())) == tracker.state());
}

}  // namespace nau::monitor
