// What travels between processes and what is written to the run directory.

#include <fcntl.h>
#include <string>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "monitor/config.h"
#include "monitor/exit_record.h"
#include "monitor/protocol.h"
#include "monitor/task_state.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "tests/support/temp_dir.h"

namespace nau::monitor {
namespace {

MonitorConfig full_config() {
    MonitorConfig config;
    config.id = "0123";
    config.namespace_name = "ci";
    config.name = "web";
    config.image = "nginx";
    config.attributes = {{"a", "b"}, {"line\n", "\"q\""}};
    config.run_dir = "/run/nau/containers/0123";
    config.spec_path = "/run/nau/containers/0123/config.json";
    config.bundle = "/bundle";
    config.log = {.driver = LogDriver::none,
                  .path = "/x/c.log",
                  .max_size_bytes = 7,
                  .max_files = 9,
                  .compresses = true,
                  .tag = "t"};
    config.terminal = true;
    config.window = {.rows = 40, .columns = 65535};
    config.stdin_open = true;
    config.stdin_once = true;
    config.init = true;
    config.attach_output = false;
    config.attach_error_output = false;
    config.stop_signal = 3;
    config.timeout = std::chrono::nanoseconds(5'000'000'000);
    config.cgroup_path = "/nau/0123";
    config.systemd_cgroup = true;
    config.pid_file = "/p";
    config.monitor_pid_file = "/m";
    config.journal_path = "/j";
    config.cleanup_command = {"nau", "container", "cleanup", "0123"};
    config.exec = ExecConfig{.target = {.pid = 42, .start_time = 1ULL << 40}, .process_json = "{}"};
    return config;
}

TEST_CASE("the config survives the journey") {
    CHECK(parse_monitor_config(to_json(full_config())) == full_config());
    MonitorConfig small;
    small.id = "1";
    CHECK(parse_monitor_config(to_json(small)) == small);
    CHECK(parse_monitor_config(R"({"id":"1"})") == small);
}

TEST_CASE("a config that makes no sense is corrupt") {
    for (const char* text : {"",
                             "{}",
                             R"({"id":1})",
                             R"({"id":"1","rows":70000})",
                             R"({"id":"1","rows":-1})",
                             R"({"id":"1","log":{"driver":"carrier-pigeon"}})",
                             R"({"id":"1","exec":{"pid":1}})"}) {
        CAPTURE(text);
        try {
            (void)parse_monitor_config(text);
            FAIL("was accepted");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::corrupt);
        }
    }
}

ExitRecord full_record() {
    return {.id = "0123",
            .exit_code = 137,
            .signal = 9,
            .cause = ExitCause::oom,
            .oom_killed = true,
            .started_at = *parse_rfc3339("2026-11-23T20:57:42.000000001Z"),
            .finished_at = *parse_rfc3339("2026-11-23T20:58:42.999999999Z"),
            .memory_peak_bytes = 1ULL << 50,
            .cpu_ns = 12,
            .log_lost_bytes = 3,
            .error = "text"};
}

TEST_CASE("an exit record survives; absent is null") {
    CHECK(parse_exit_record(to_json(full_record())) == full_record());
    const ExitRecord unknown{.id = "1", .finished_at = full_record().finished_at};
    CHECK(to_json(unknown) ==
          R"({"cause":"unknown","cpuNs":null,"error":"","exitCode":null,)"
          R"("finishedAt":"2026-11-23T20:58:42.999999999Z","id":"1","ioReadBytes":null,)"
          R"("ioWrittenBytes":null,"logLostBytes":0,)"
          R"("memoryPeakBytes":null,"monitorLost":false,"oomKilled":false,"restartCount":0,)"
          R"("signal":0,"startedAt":null,"version":1})");
    CHECK(parse_exit_record(to_json(unknown)) == unknown);
}

TEST_CASE("each cause has its word") {
    for (int i = 0; i <= static_cast<int>(ExitCause::unknown); ++i) {
        const auto cause = static_cast<ExitCause>(i);
        CHECK(parse_exit_cause(to_string(cause)) == cause);
    }
    CHECK(parse_exit_cause("struck by lightning") == ExitCause::unknown);
}

TEST_CASE("an exit record of a newer nau is not guessed at") {
    CHECK_THROWS_AS((void)parse_exit_record(R"({"version":2,"finishedAt":"2026-11-23T20:58:42Z"})"),
                    Error);
}

TEST_CASE("records are written whole and for the owner only") {
    const test::TempDir dir;
    CHECK_FALSE(read_exit_record(dir.path()));
    write_exit_record(dir.path(), full_record());
    CHECK(read_exit_record(dir.path()) == full_record());
    CHECK((sys::stat(dir.file("exit")).st_mode & 07777) == 0600);
    CHECK_FALSE(read_task_state(dir.path()));
    const TaskState state{.id = "0123",
                          .init = {.pid = 7, .start_time = 8},
                          .monitor = {.pid = 9, .start_time = 10},
                          .cgroup_path = "/nau/0123",
                          .started_at = *full_record().started_at};
    write_task_state(dir.path(), state);
    CHECK(read_task_state(dir.path()) == state);
    sys::write_file_atomic(dir.file("exit"), "{", 0600, sys::Durability::relaxed);
    CHECK_THROWS_AS((void)read_exit_record(dir.path()), Error);
}

TEST_CASE("messages survive") {
    const Hello hello{.output = true, .error_output = false, .input = true, .exit = false};
    CHECK(parse_hello(to_json(hello)) == hello);
    const Accepted accepted{.init = {.pid = 1, .start_time = 2},
                            .monitor = {.pid = 3, .start_time = 4},
                            .terminal = true,
                            .stdin_open = true};
    CHECK(parse_accepted(to_json(accepted)) == accepted);
    const StartReply reply{.init = {.pid = 1, .start_time = 2},
                           .monitor = {.pid = 3, .start_time = 4},
                           .cgroup_path = "/c",
                           .started_at = *full_record().started_at,
                           .warnings = {"w"},
                           .prepare_ns = 5,
                           .launch_ns = 6,
                           .finish_ns = 7};
    CHECK(parse_start_reply(to_json(reply)) == reply);
    const ErrorReply error{.kind = ErrorKind::not_found,
                           .error = 2,
                           .step = "exec",
                           .text = "exec /x: No such file or directory",
                           .hint = "try y",
                           .exit_code = 127};
    CHECK(parse_error_reply(to_json(error)) == error);
    const StartError thrown(error);
    CHECK(thrown.kind() == ErrorKind::not_found);
    CHECK(thrown.text() == error.text);
    CHECK(thrown.hint() == error.hint);
    CHECK(thrown.exit_code() == 127);
    CHECK(thrown.error() == 2);
}

TEST_CASE("numbers in frames") {
    CHECK(parse_u32(encode_u32(0xdeadbeef)) == 0xdeadbeef);
    CHECK(parse_u8(encode_u8(200)) == 200);
    CHECK(parse_resize(encode_resize({.rows = 1, .columns = 65535})) ==
          WindowSize{.rows = 1, .columns = 65535});
    CHECK_THROWS_AS((void)parse_u32("abc"), Error);
    CHECK_THROWS_AS((void)parse_u8(""), Error);
    CHECK_THROWS_AS((void)parse_resize("abcde"), Error);
}

TEST_CASE("frames carry bytes and descriptors") {
    sys::SocketPair pair = sys::socketpair(SOCK_SEQPACKET);
    FrameReader reader;
    const int fds[] = {0, 1};
    send_frame(pair.first.get(), FrameType::start, "ab", fds);
    send_frame(pair.first.get(), FrameType::detach);
    {
        const auto frame = reader.receive(pair.second.get(), 2);
        REQUIRE(frame);
        CHECK(frame->type == FrameType::start);
        CHECK(frame->payload == "ab");
        REQUIRE(frame->fds.size() == 2);
        CHECK((::fcntl(frame->fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
    }
    const auto empty = reader.receive(pair.second.get());
    REQUIRE(empty);
    CHECK(empty->type == FrameType::detach);
    CHECK(empty->payload.empty());
    pair.first.reset();
    CHECK_FALSE(reader.receive(pair.second.get()));
}

TEST_CASE("descriptors that nobody asked for do not stay open") {
    sys::SocketPair pair = sys::socketpair(SOCK_SEQPACKET);
    FrameReader reader;
    const size_t before = sys::list_directory("/proc/self/fd").size();
    const int fds[] = {0, 1, 2};
    for (const size_t allowed : {size_t{0}, size_t{1}}) {
        send_frame(pair.first.get(), FrameType::start, "ab", fds);
        try {
            (void)reader.receive(pair.second.get(), allowed);
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::corrupt);
        }
        CHECK(sys::list_directory("/proc/self/fd").size() == before);
    }
}

TEST_CASE("a frame that is too long is refused by the sender") {
    sys::SocketPair pair = sys::socketpair(SOCK_SEQPACKET);
    CHECK_THROWS_AS(send_frame(pair.first.get(), FrameType::input, std::string(kMaxFrame, 'x')),
                    Error);
}

}  // namespace
}  // namespace nau::monitor
