// The life of a task: start, end, record, journal, clean-up.

#include <csignal>
#include <cstdlib>
#include <vector>

#include <doctest/doctest.h>

#include "base/error.h"
#include "events/reader.h"
#include "tests/unit/monitor/fixture.h"

namespace nau::monitor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::MonitorFixture;
using End = AttachResult::End;

std::vector<events::Event> events_of(const MonitorFixture& box) {
    std::vector<events::Event> found;
    events::read_events(box.config.journal_path, {}, [&](const auto& event) {
        found.push_back(event);
        return true;
    });
    return found;
}

/// Waits without a clock of its own: the file appears by a process that the test cannot wait for.
bool appears(const std::string& path) {
    for (int i = 0; i < 2000; ++i) {
        if (sys::file_exists(path)) {
            return true;
        }
        std::this_thread::sleep_for(milliseconds(5));
    }
    return false;
}

TEST_CASE("a task runs, its output and its end are seen, recorded and told") {
    MonitorFixture box("printf 'to out\\n'; printf 'to err\\n' >&2; exit 3");
    box.config.attributes = {{"tier", "front"}};
    const auto seen = box.run_foreground({.acknowledge_exit = true});
    CHECK(seen.result.end == End::exited);
    CHECK(seen.out == "to out\n");
    CHECK(seen.err == "to err\n");
    REQUIRE(seen.result.exit);
    const ExitRecord& record = *seen.result.exit;
    CHECK(record.id == box.config.id);
    CHECK(record.exit_code == 3);
    CHECK(record.signal == 0);
    CHECK(record.cause == ExitCause::exited);
    CHECK(record.started_at == box.reply.started_at);
    CHECK(record.finished_at >= *record.started_at);
    CHECK(record.memory_peak_bytes == 1234);
    CHECK(record.log_lost_bytes == 0);
    CHECK(read_exit_record(box.run_dir()) == record);
    CHECK_FALSE(sys::file_exists(socket_path(box.run_dir())));
    CHECK_FALSE(sys::file_exists(box.run_dir() + ".lock"));
    CHECK_FALSE(sys::file_exists(box.cleanup_trace()));
    const auto state = read_task_state(box.run_dir());
    REQUIRE(state);
    CHECK(state->init == box.reply.init);
    CHECK(state->monitor == box.reply.monitor);
    CHECK(state->cgroup_path == "/none");
    const auto events = events_of(box);
    REQUIRE(events.size() == 2);
    CHECK(events[0].action == "start");
    CHECK(events[0].time == box.reply.started_at);
    CHECK(events[1].action == "died");
    CHECK(events[1].id == box.config.id);
    CHECK(events[1].name == "box");
    CHECK(events[1].attributes.at("exitCode") == "3");
    CHECK(events[1].attributes.at("tier") == "front");
    CHECK(events[1].attributes.at("cause") == "exited");
    const std::string log = box.log_text();
    CHECK((log == "to out\nto err\n" || log == "to err\nto out\n"));
}

TEST_CASE("death by a signal") {
    MonitorFixture box("kill -TERM $$");
    const auto seen = box.run_foreground();
    REQUIRE(seen.result.exit);
    CHECK(seen.result.exit->exit_code == 143);
    CHECK(seen.result.exit->signal == SIGTERM);
    CHECK(seen.result.exit->cause == ExitCause::signaled);
}

TEST_CASE("a start that fails says why and leaves a record only") {
    const struct {
        const char* script;
        ErrorKind kind;
        int error;
        int exit_code;
        const char* step;
    } cases[] = {{"fail:launch", ErrorKind::not_found, ENOENT, 127, "exec"},
                 {"fail:prepare", ErrorKind::unavailable, ENOSPC, 125, ""},
                 {"fail:foreign", ErrorKind::internal, 0, 125, ""}};
    for (const auto& test : cases) {
        CAPTURE(test.script);
        MonitorFixture box(test.script);
        MonitorClient client = MonitorFixture::spawn();
        client.send_start(box.config);
        try {
            (void)client.wait_started();
            FAIL("has started");
        } catch (const StartError& error) {
            CHECK(error.kind() == test.kind);
            CHECK(error.error() == test.error);
            CHECK(error.exit_code() == test.exit_code);
            CHECK(error.step() == test.step);
            const auto record = read_exit_record(box.run_dir());
            REQUIRE(record);
            CHECK(record->cause == ExitCause::start_failed);
            CHECK(record->exit_code == test.exit_code);
            CHECK(record->error == error.text());
            CHECK_FALSE(record->started_at);
        }
        MonitorFixture::wait_for_monitor(client);
        CHECK_FALSE(sys::file_exists(socket_path(box.run_dir())));
        CHECK_FALSE(sys::file_exists(box.run_dir() + ".lock"));
        CHECK_FALSE(sys::file_exists(box.cleanup_trace()));
    }
}

TEST_CASE("a starter that changes its mind leaves nothing") {
    MonitorFixture box("true");
    MonitorClient client = MonitorFixture::spawn();
    MonitorFixture::wait_for_monitor(client);
    CHECK(sys::list_directory(box.run_dir()).empty());
}

TEST_CASE("detached: the monitor cleans up itself") {
    MonitorFixture box("echo done");
    (void)box.start();
    const auto record = wait_exit(box.run_dir(), seconds(30));
    REQUIRE(record);
    CHECK(record->exit_code == 0);
    CHECK(appears(box.cleanup_trace()));
    CHECK(box.log_text() == "done\n");
}

TEST_CASE("a foreground that dies leaves the clean-up to the monitor") {
    MonitorFixture box("read line; exit 0");
    box.config.stdin_open = true;
    box.config.stdin_once = true;
    { const MonitorClient client = box.start(); }
    CHECK(appears(box.cleanup_trace()));
}

TEST_CASE("a foreground that does not acknowledge leaves the clean-up to the monitor") {
    MonitorFixture box("exit 0");
    (void)box.run_foreground({.acknowledge_exit = false});
    CHECK(appears(box.cleanup_trace()));
}

TEST_CASE("waiting: before, after, with a time-out, and when nobody is there") {
    MonitorFixture box("read line; exit 5");
    box.config.stdin_open = true;
    CHECK_FALSE(wait_exit(box.run_dir(), milliseconds(-1)));
    MonitorClient client = box.start();
    CHECK_FALSE(wait_exit(box.run_dir(), milliseconds(0)));
    CHECK_FALSE(wait_exit(box.run_dir(), milliseconds(20)));
    std::optional<ExitRecord> during;
    std::jthread waiter([&] { during = wait_exit(box.run_dir(), seconds(30)); });
    send_frame(client.channel(), FrameType::input, "\n");
    waiter.join();
    REQUIRE(during);
    CHECK(during->exit_code == 5);
    CHECK(wait_exit(box.run_dir(), milliseconds(0)) == during);
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("a task has ended when its record is there or nobody is left to write one") {
    MonitorFixture box("read line");
    box.config.stdin_open = true;
    CHECK(task_has_ended(box.run_dir()));
    MonitorClient client = box.start();
    CHECK_FALSE(task_has_ended(box.run_dir()));
    CHECK(find_monitor(box.run_dir()));
    SUBCASE("by itself") {
        send_frame(client.channel(), FrameType::input, "\n");
    }
    SUBCASE("by losing its monitor, and then itself, because its input has closed") {
        CHECK(sys::send_signal(client.monitor_pidfd(), SIGKILL));
        if (const auto init = sys::find_process(box.reply.init)) {
            CHECK(sys::wait_ended(init->get(), seconds(30)));
        }
    }
    CHECK(sys::wait_ended(client.monitor_pidfd(), seconds(30)));
    CHECK(task_has_ended(box.run_dir()));
    CHECK_FALSE(find_monitor(box.run_dir()));
}

TEST_CASE("signals reach the task through the monitor") {
    MonitorFixture box("trap 'echo usr1; exit 9' USR1; echo ready; while :; do sleep 0.01; done");
    MonitorClient client = box.start();
    FrameReader reader;
    CHECK(reader.receive(client.channel())->payload == "ready\n");
    CHECK(send_signal(box.run_dir(), SIGUSR1));
    CHECK(wait_exit(box.run_dir(), seconds(30))->exit_code == 9);
    MonitorFixture::wait_for_monitor(client);
    CHECK_FALSE(send_signal(box.run_dir(), SIGUSR1));
}

TEST_CASE("SIGTERM to the monitor is the stop signal for the task") {
    MonitorFixture box("trap 'exit 9' USR2; echo ready; while :; do sleep 0.01; done");
    box.config.stop_signal = SIGUSR2;
    MonitorClient client = box.start();
    FrameReader reader;
    CHECK(reader.receive(client.channel())->payload == "ready\n");
    CHECK(sys::send_signal(client.monitor_pidfd(), SIGTERM));
    CHECK(wait_exit(box.run_dir(), seconds(30))->exit_code == 9);
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("the time-out ends the task") {
    MonitorFixture box("sleep 1000");
    box.config.timeout = milliseconds(50);
    const auto seen = box.run_foreground({.acknowledge_exit = true});
    REQUIRE(seen.result.exit);
    CHECK(seen.result.exit->cause == ExitCause::timeout);
    CHECK(seen.result.exit->exit_code == 137);
}

TEST_CASE("a monitor that is killed: the client notices, nothing is invented") {
    MonitorFixture box("read line");
    box.config.stdin_open = true;
    MonitorClient client = box.start();
    CHECK(sys::send_signal(client.monitor_pidfd(), SIGKILL));
    AttachSession session({.input = -1});
    CHECK(session.run(client.channel()).end == End::monitor_lost);
    CHECK_FALSE(wait_exit(box.run_dir(), milliseconds(-1)));
    CHECK_FALSE(read_exit_record(box.run_dir()));
    MonitorFixture::wait_for_monitor(client);
    // Its stdin has closed, so the orphan ends by itself.
}

TEST_CASE("the next monitor replaces the record and the socket of a dead one") {
    MonitorFixture box("exit 4");
    sys::write_file_atomic(box.run_dir() + "/exit", "old", 0600, sys::Durability::relaxed);
    sys::write_file_atomic(socket_path(box.run_dir()), "", 0600, sys::Durability::relaxed);
    const auto seen = box.run_foreground({.acknowledge_exit = true});
    REQUIRE(seen.result.exit);
    CHECK(seen.result.exit->exit_code == 4);
}

TEST_CASE("pid files") {
    MonitorFixture box("exit 0");
    box.config.pid_file = box.file("pid");
    box.config.monitor_pid_file = box.file("monitor-pid");
    (void)box.run_foreground({.acknowledge_exit = true});
    CHECK(box.read("pid") == std::to_string(box.reply.init.pid) + "\n");
    CHECK(box.read("monitor-pid") == std::to_string(box.reply.monitor.pid) + "\n");
}

TEST_CASE("a grandchild that keeps the pipe does not keep the monitor") {
    MonitorFixture box("sleep 1000 & echo $!");
    const auto seen = box.run_foreground({.acknowledge_exit = true});
    CHECK(seen.result.end == End::exited);
    const pid_t grandchild = std::stoi(seen.out);
    CHECK(::kill(grandchild, SIGKILL) == 0);
}

TEST_CASE("an exec session without a run directory leaves nothing") {
    MonitorFixture box("echo hello; exit 6");
    box.config.run_dir.clear();
    box.config.log.driver = LogDriver::none;
    box.config.journal_path.clear();
    box.config.cleanup_command.clear();
    const auto seen = box.run_foreground();
    CHECK(seen.out == "hello\n");
    CHECK(seen.result.exit->exit_code == 6);
    CHECK(sys::list_directory(box.run_dir()).empty());
}

TEST_CASE("killed at each durable step, the record is whole or absent") {
    for (const char* point : {"monitor.start.launched",
                              "monitor.start.before_reply",
                              "monitor.exit_record.before_write",
                              "sys.write_file_atomic.before_rename",
                              "monitor.exit_record.written"}) {
        CAPTURE(point);
        MonitorFixture box("exit 7");
        REQUIRE(::setenv("NAU_FAIL_POINT", (std::string(point) + "=kill").c_str(), 1) == 0);
        MonitorClient client = MonitorFixture::spawn();
        REQUIRE(::unsetenv("NAU_FAIL_POINT") == 0);
        client.send_start(box.config);
        try {
            (void)client.wait_started();
            AttachSession session({.input = -1});
            CHECK(session.run(client.channel()).end == End::monitor_lost);
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::internal);
        }
        MonitorFixture::wait_for_monitor(client);
        const auto record = read_exit_record(box.run_dir());
        CHECK((!record || record->exit_code == 7));
        CHECK(record.has_value() == (std::string(point) == "monitor.exit_record.written"));
    }
}

}  // namespace
}  // namespace nau::monitor
