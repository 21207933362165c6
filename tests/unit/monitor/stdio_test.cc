// Output, input, terminals, several clients, slow clients.

#include <array>
#include <csignal>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "base/error.h"
#include "sys/terminal.h"
#include "tests/unit/monitor/fixture.h"

namespace nau::monitor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::MonitorFixture;
using End = AttachResult::End;

std::string numbers(int count) {
    std::string text;
    for (int i = 1; i <= count; ++i) {
        text += fmt::format("{}\n", i);
    }
    return text;
}

std::string random_bytes(size_t size) {
    std::mt19937 random(11);
    std::string bytes(size, '\0');
    for (char& byte : bytes) {
        byte = static_cast<char>(random() % 256);
    }
    return bytes;
}

/// All output frames until the end; the rest of the result is in `record`.
struct Collected {
    std::string out;
    std::string err;
    std::optional<ExitRecord> record;
    bool has_lagged = false;
};

Collected collect(int channel) {
    Collected collected;
    FrameReader reader;
    while (const auto frame = reader.receive(channel)) {
        if (frame->type == FrameType::output) {
            collected.out += frame->payload;
        } else if (frame->type == FrameType::error_output) {
            collected.err += frame->payload;
        } else if (frame->type == FrameType::lagged) {
            collected.has_lagged = true;
        } else if (frame->type == FrameType::exited) {
            collected.record = parse_exit_record(frame->payload);
            break;
        }
    }
    return collected;
}

TEST_CASE("a flood of short lines arrives whole on screen and in the log") {
    MonitorFixture box("seq 1 200000");
    const auto seen = box.run_foreground({.acknowledge_exit = true});
    const bool is_whole = seen.out == numbers(200'000);
    CHECK(is_whole);
    const bool log_is_whole = box.log_text() == seen.out;
    CHECK(log_is_whole);
}

TEST_CASE("the last bytes of many short lives arrive") {
    for (int i = 0; i < 40; ++i) {
        MonitorFixture box(fmt::format("printf 'bye {}'; printf e >&2", i));
        const auto seen = box.run_foreground({.acknowledge_exit = true});
        CHECK(seen.out == fmt::format("bye {}", i));
        CHECK(seen.err == "e");
    }
}

TEST_CASE("output that is given as descriptors is written by the monitor itself") {
    MonitorFixture box("seq 1 100000; echo e >&2");
    const sys::UniqueFd out = sys::open(box.file("out"), O_RDWR | O_CREAT, 0600);
    sys::Pipe err = sys::pipe2();
    const sys::UniqueFd direct_out = direct_output(out.get());
    sys::UniqueFd direct_err = direct_output(err.write.get());
    REQUIRE(direct_out);
    REQUIRE(direct_err);
    MonitorClient client =
        box.start({.output = direct_out.get(), .error_output = direct_err.get()});
    direct_err.reset();
    err.write.reset();
    const Collected collected = collect(client.channel());
    CHECK(collected.out.empty());
    CHECK(collected.err.empty());
    REQUIRE(collected.record);
    CHECK(sys::read_fd(err.read.get(), 100) == "e\n");
    const bool is_whole = box.read("out") == numbers(100'000);
    CHECK(is_whole);
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("a slow pipe makes the container wait, and loses nothing") {
    for (const LogDriver driver : {LogDriver::none, LogDriver::k8s_file}) {
        MonitorFixture box("seq 1 300000");
        box.config.log.driver = driver;
        box.config.log.max_size_bytes = 100'000;
        box.config.log.max_files = 2;
        sys::Pipe out = sys::pipe2();
        sys::UniqueFd direct = direct_output(out.write.get());
        MonitorClient client = box.start({.output = direct.get()});
        direct.reset();
        out.write.reset();
        std::this_thread::sleep_for(milliseconds(50));
        CHECK_FALSE(read_exit_record(box.run_dir()));  // far more output than anything holds
        const bool is_whole = sys::read_fd(out.read.get(), 1U << 30U) == numbers(300'000);
        CHECK(is_whole);
        CHECK(collect(client.channel()).record->exit_code == 0);
        MonitorFixture::wait_for_monitor(client);
    }
}

TEST_CASE("a slow starter by frames makes the container wait, and loses nothing") {
    for (const LogDriver driver : {LogDriver::none, LogDriver::k8s_file}) {
        MonitorFixture box("seq 1 300000");
        box.config.log.driver = driver;
        box.config.log.max_size_bytes = 100'000;
        box.config.log.max_files = 2;
        MonitorClient client = box.start();
        std::this_thread::sleep_for(milliseconds(50));
        CHECK_FALSE(read_exit_record(box.run_dir()));
        const Collected collected = collect(client.channel());
        const bool is_whole = collected.out == numbers(300'000);
        CHECK(is_whole);
        CHECK(collected.record->exit_code == 0);
        MonitorFixture::wait_for_monitor(client);
    }
}

TEST_CASE("a blocked reader holds up neither the container nor the log nor others") {
    MonitorFixture box("seq 1 300000");
    MonitorClient client = box.start();  // reads nothing for now; the log holds 48 MiB
    const auto record = wait_exit(box.run_dir(), seconds(60));
    REQUIRE(record);
    const bool log_is_whole = box.log_text() == numbers(300'000);
    CHECK(log_is_whole);
    const Collected collected = collect(client.channel());
    const bool is_whole = collected.out == numbers(300'000);
    CHECK(is_whole);
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("another client that is too slow is let go, the container is not held up") {
    MonitorFixture box("read go; seq 1 300000");
    box.config.stdin_open = true;
    box.config.log.driver = LogDriver::none;
    MonitorClient client = box.start();
    const auto slow = connect(box.run_dir(), {.output = true});
    const auto quick = connect(box.run_dir(), {.output = true});
    REQUIRE(slow);
    REQUIRE(quick);
    CHECK(slow->accepted.init == box.reply.init);
    CHECK(slow->accepted.stdin_open);
    Collected from_quick;
    std::jthread reader([&] { from_quick = collect(quick->channel.get()); });
    send_frame(client.channel(), FrameType::input, "\n");
    const Collected collected = collect(client.channel());
    const bool is_whole = collected.out == numbers(300'000);
    CHECK(is_whole);
    const Collected from_slow = collect(slow->channel.get());
    CHECK_FALSE(from_slow.record);
    CHECK(numbers(300'000).starts_with(from_slow.out));
    reader.join();
    if (from_quick.record) {  // it may have been too slow as well: nobody waits for it
        const bool quick_is_whole = from_quick.out == numbers(300'000);
        CHECK(quick_is_whole);
    }
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("a client that lags is served from the log, streams apart") {
    MonitorFixture box("read go; for i in 1 2 3 4 5; do seq 1 20000; seq 1 20000 >&2; done");
    box.config.stdin_open = true;
    MonitorClient client = box.start();
    const auto both = connect(box.run_dir(), {.output = true, .error_output = true});
    const auto only_errors = connect(box.run_dir(), {.error_output = true});
    send_frame(client.channel(), FrameType::input, "\n");
    std::string expected;
    for (int i = 0; i < 5; ++i) {
        expected += numbers(20'000);
    }
    REQUIRE(wait_exit(box.run_dir(), seconds(60)));
    const Collected errors = collect(only_errors->channel.get());
    CHECK(errors.out.empty());
    const bool errors_are_whole = errors.err == expected;
    CHECK(errors_are_whole);
    const Collected all = collect(both->channel.get());
    const bool all_is_whole = all.out == expected && all.err == expected;
    CHECK(all_is_whole);
    CHECK(all.record);
    const Collected starter = collect(client.channel());
    const bool starter_is_whole = starter.out == expected && starter.err == expected;
    CHECK(starter_is_whole);
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("when nobody reads our output any more, the session says so and the container goes on") {
    MonitorFixture box("echo one; read go; echo two; exit 8");
    box.config.stdin_open = true;
    sys::Pipe out = sys::pipe2();
    out.read.reset();
    SUBCASE("by frames") {
        MonitorClient client = box.start();
        AttachSession session({.output = out.write.get()});
        const AttachResult result = session.run(client.channel());
        CHECK(result.end == End::output_closed);
        CHECK(result.error == EPIPE);
    }
    SUBCASE("by descriptor") {
        // A pipe without a reader cannot be opened for writing: what has been opened stays.
        sys::Pipe late = sys::pipe2();
        const sys::UniqueFd direct = direct_output(late.write.get());
        late.read.reset();
        MonitorClient client = box.start({.output = direct.get()});
        AttachSession session({.output = late.write.get()});
        const AttachResult result = session.run(client.channel());
        CHECK(result.end == End::output_closed);
        CHECK(result.error == EPIPE);
    }
    const auto other = connect(box.run_dir(), {.input = true});
    REQUIRE(other);
    send_frame(other->channel.get(), FrameType::input, "\n");
    CHECK(collect(other->channel.get()).record->exit_code == 8);
    CHECK(box.log_text() == "one\ntwo\n");
}

// --- input

TEST_CASE("input of any bytes and size goes through, and its end ends the container's") {
    MonitorFixture box("cat");
    box.config.stdin_open = true;
    box.config.stdin_once = true;
    const std::string bytes = random_bytes(3'000'000);
    SUBCASE("from a pipe") {
        sys::Pipe in = sys::pipe2();
        std::jthread writer([&] {
            sys::write_all(in.write.get(), bytes);
            in.write.reset();
        });
        const auto seen = box.run_foreground({.input = in.read.get(), .acknowledge_exit = true});
        const bool is_same = seen.out == bytes;
        CHECK(is_same);
        CHECK(seen.result.exit->exit_code == 0);
    }
    SUBCASE("from a file") {
        sys::write_file_atomic(box.file("in"), bytes, 0600, sys::Durability::relaxed);
        const sys::UniqueFd in = sys::open(box.file("in"), O_RDONLY);
        const auto seen = box.run_foreground({.input = in.get(), .acknowledge_exit = true});
        const bool is_same = seen.out == bytes;
        CHECK(is_same);
    }
    const bool log_is_same = box.log_text() == bytes;
    CHECK(log_is_same);
}

TEST_CASE("without stdin_once the container's input outlives a client") {
    MonitorFixture box("cat");
    box.config.stdin_open = true;
    MonitorClient client = box.start();
    for (const char* text : {"one\n", "two\n"}) {
        const auto other = connect(box.run_dir(), {.output = true, .input = true});
        REQUIRE(other);
        send_frame(other->channel.get(), FrameType::input, text);
        send_frame(other->channel.get(), FrameType::input_end);
        FrameReader reader;
        CHECK(reader.receive(other->channel.get())->payload == text);
    }
    CHECK(send_signal(box.run_dir(), SIGKILL));
    CHECK(collect(client.channel()).out == "one\ntwo\n");
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("a container that closes its input stops the client from reading more") {
    MonitorFixture box("exec <&-; echo closed; sleep 0.2; exit 2");
    box.config.stdin_open = true;
    box.config.stdin_once = true;
    sys::Pipe in = sys::pipe2();
    sys::write_all(in.write.get(), "never read");
    const auto seen = box.run_foreground({.input = in.read.get(), .acknowledge_exit = true});
    CHECK(seen.result.exit->exit_code == 2);
}

TEST_CASE("signals pass by input that the container does not take") {
    MonitorFixture box("trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done");
    box.config.stdin_open = true;
    MonitorClient client = box.start();
    FrameReader reader;
    CHECK(reader.receive(client.channel())->payload == "ready\n");
    const std::string chunk(kMaxChunk, 'x');
    for (uint32_t sent = 0; sent < kInputWindow; sent += kMaxChunk) {
        send_frame(client.channel(), FrameType::input, chunk);
    }
    send_frame(client.channel(), FrameType::signal, encode_u8(SIGUSR1));
    CHECK(collect(client.channel()).record->exit_code == 9);
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("a client that breaks the protocol is let go and hurts nobody") {
    MonitorFixture box("read go; exit 0");
    box.config.stdin_open = true;
    MonitorClient client = box.start();
    const auto hello = to_json(Hello{.input = true});
    const std::string flood(kMaxChunk, 'x');
    const auto misbehave = [&](auto&& action) {
        const sys::UniqueFd socket = sys::connect_unix(socket_path(box.run_dir()), SOCK_SEQPACKET);
        action(socket.get());
        FrameReader reader;
        while (reader.receive(socket.get())) {
        }
    };
    misbehave([](int socket) { send_frame(socket, FrameType::signal, encode_u8(9)); });
    misbehave([](int socket) { send_frame(socket, FrameType::hello, "not JSON"); });
    misbehave([](int socket) { send_frame(socket, static_cast<FrameType>(200)); });
    misbehave([&](int socket) {
        send_frame(socket, FrameType::hello, hello);
        send_frame(socket, FrameType::start, "\n{}");
    });
    misbehave([&](int socket) {
        send_frame(socket, FrameType::hello, hello);
        send_frame(socket, FrameType::resize, "x");
    });
    send_frame(client.channel(), FrameType::input, "\n");
    CHECK(collect(client.channel()).record->exit_code == 0);
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("the socket is for the owner only") {
    MonitorFixture box("read go");
    box.config.stdin_open = true;
    MonitorClient client = box.start();
    CHECK((sys::stat(socket_path(box.run_dir())).st_mode & 07777) == 0600);
    CHECK(send_signal(box.run_dir(), SIGKILL));
    (void)collect(client.channel());
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("the log can be reopened after an outside rename") {
    MonitorFixture box("echo one; read go; echo two");
    box.config.stdin_open = true;
    MonitorClient client = box.start();
    FrameReader reader;
    CHECK(reader.receive(client.channel())->payload == "one\n");
    sys::rename(box.log_path(), box.file("old.log"));
    CHECK(reopen_log(box.run_dir()));
    send_frame(client.channel(), FrameType::input, "\n");
    (void)collect(client.channel());
    CHECK(box.log_text() == "two\n");
    MonitorFixture::wait_for_monitor(client);
}

// --- terminals

/// The user's side of a terminal: what is typed and what is shown.
struct UserTerminal {
    sys::Pty pty = sys::open_pty();
    std::string shown;

    void type(std::string_view keys) const { sys::write_all(pty.master.get(), keys); }
    /// Reads until the text has been shown.
    bool wait_for(std::string_view text) {
        std::array<char, 4096> buffer;
        while (shown.find(text) == std::string::npos) {
            if (sys::poll(pty.master.get(), POLLIN, seconds(20)) == 0) {
                return false;
            }
            const size_t count = sys::read_some(pty.master.get(), buffer.data(), buffer.size());
            shown.append(buffer.data(), count);
        }
        return true;
    }
    termios modes() const {
        termios settings{};
        CHECK(::tcgetattr(pty.slave.get(), &settings) == 0);
        return settings;
    }
    AttachOptions options() const {
        return {.input = pty.slave.get(),
                .output = pty.slave.get(),
                .error_output = pty.slave.get(),
                .terminal = true,
                .detach_keys = DetachKeys::parse("ctrl-p,ctrl-q"),
                .acknowledge_exit = true};
    }
};

TEST_CASE("a terminal: size, echo, keys, and the user's modes afterwards") {
    MonitorFixture box("stty size; read name; echo \"hello $name\"; exit 3");
    box.config.terminal = true;
    box.config.stdin_open = true;
    UserTerminal user;
    sys::set_window_size(user.pty.master.get(), {.rows = 33, .columns = 77});
    box.config.window = sys::window_size(user.pty.slave.get());
    const termios before = user.modes();
    MonitorClient client = box.start();
    AttachResult result;
    std::jthread foreground([&] {
        AttachSession session(user.options());
        result = session.run(client.channel());
    });
    CHECK(user.wait_for("33 77\r\n"));
    CHECK((user.modes().c_lflag & ICANON) == 0);
    user.type("joe\r");
    CHECK(user.wait_for("joe\r\nhello joe\r\n"));
    foreground.join();
    CHECK(result.end == End::exited);
    CHECK(result.exit->exit_code == 3);
    const termios after = user.modes();
    CHECK(after.c_lflag == before.c_lflag);
    CHECK(after.c_iflag == before.c_iflag);
    CHECK(after.c_oflag == before.c_oflag);
    CHECK(box.log_text().find("hello joe\r\n") != std::string::npos);
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("detach keys leave the container running; another attaches and resizes") {
    MonitorFixture box("while read line; do echo \"got $line\"; stty size; done; exit 4");
    box.config.terminal = true;
    box.config.stdin_open = true;
    UserTerminal user;
    MonitorClient client = box.start();
    {
        AttachResult result;
        std::jthread foreground([&] {
            AttachSession session(user.options());
            result = session.run(client.channel());
        });
        user.type("one\r");
        CHECK(user.wait_for("got one"));
        user.type("\x10\x11");
        foreground.join();
        CHECK(result.end == End::detached);
    }
    (void)client.release_channel();
    CHECK_FALSE(read_exit_record(box.run_dir()));
    auto attachment = connect(box.run_dir(), {.output = true, .input = true});
    REQUIRE(attachment);
    CHECK(attachment->accepted.terminal);
    CHECK(resize(box.run_dir(), {.rows = 21, .columns = 43}));
    send_frame(attachment->channel.get(), FrameType::input, "two\r");
    FrameReader reader;
    std::string shown;
    while (shown.find("got two\r\n21 43") == std::string::npos) {
        const auto frame = reader.receive(attachment->channel.get());
        REQUIRE(frame);
        shown += frame->payload;
    }
    send_frame(attachment->channel.get(), FrameType::input_end);  // as ctrl-d
    CHECK(collect(attachment->channel.get()).record->exit_code == 4);
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("the last output on a terminal arrives") {
    for (int i = 0; i < 30; ++i) {
        MonitorFixture box(fmt::format("seq 1 2000; printf 'bye {}'", i));
        box.config.terminal = true;
        const auto seen = box.run_foreground({.terminal = true, .acknowledge_exit = true});
        CHECK(seen.out.ends_with(fmt::format("2000\r\nbye {}", i)));
        const bool is_whole = seen.out.starts_with("1\r\n2\r\n") && seen.out.size() > 10'000;
        CHECK(is_whole);
    }
}

TEST_CASE("a container may close its terminal and open it again") {
    MonitorFixture box(
        "tty=$(tty); exec </dev/null >/dev/null 2>&1; sleep 0.05; exec >$tty; echo back");
    box.config.terminal = true;
    box.config.stdin_open = true;
    const auto seen = box.run_foreground({.terminal = true, .acknowledge_exit = true});
    CHECK(seen.out == "back\r\n");
}

TEST_CASE("signals of the user go to the container") {
    MonitorFixture box("trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done");
    const sys::Pipe out = sys::pipe2();
    AttachSession session({.output = out.write.get(), .acknowledge_exit = true});
    MonitorClient client = box.start();
    std::array<char, 6> ready;
    AttachResult result;
    const pid_t self = ::getpid();
    std::jthread user([&] {
        sys::read_exactly(out.read.get(), ready.data(), ready.size());
        (void)::kill(self, SIGUSR1);
    });
    result = session.run(client.channel());
    CHECK(result.end == End::exited);
    CHECK(result.exit->exit_code == 9);
    MonitorFixture::wait_for_monitor(client);
}

TEST_CASE("without forwarding a deadly signal ends the session only") {
    MonitorFixture box("read go; exit 0");
    box.config.stdin_open = true;
    AttachSession session({.forward_signals = false});
    MonitorClient client = box.start();
    (void)::kill(::getpid(), SIGTERM);
    const AttachResult result = session.run(client.channel());
    CHECK(result.end == End::interrupted);
    CHECK(result.signal == SIGTERM);
    CHECK_FALSE(read_exit_record(box.run_dir()));
    send_frame(client.channel(), FrameType::input, "\n");
    CHECK(collect(client.channel()).record->exit_code == 0);
    MonitorFixture::wait_for_monitor(client);
}

}  // namespace
}  // namespace nau::monitor
