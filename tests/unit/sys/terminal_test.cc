#include "sys/terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/pipe.h"

using namespace nau;

namespace {

termios mode_of(int fd) {
    termios mode{};
    REQUIRE(::tcgetattr(fd, &mode) == 0);
    return mode;
}

}  // namespace

TEST_CASE("a pseudo terminal: both ends, its name, its size") {
    const auto pty = sys::open_pty();
    CHECK(sys::is_terminal(pty.slave.get()));
    CHECK(pty.slave_name == fmt::format("/dev/pts/{}", sys::pty_number(pty.master.get())));
    sys::set_window_size(pty.master.get(), {.rows = 33, .columns = 111});
    CHECK(sys::window_size(pty.slave.get()) == sys::WindowSize{.rows = 33, .columns = 111});
    CHECK((::fcntl(pty.master.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(pty.slave.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("what is no terminal is told apart") {
    const auto pipe = sys::pipe2();
    const auto null = sys::open("/dev/null", O_RDWR);
    for (const int fd : {pipe.read.get(), null.get()}) {
        CHECK_FALSE(sys::is_terminal(fd));
        CHECK_THROWS_AS((void)sys::pty_number(fd), Error);
        CHECK_THROWS_AS((void)sys::window_size(fd), SysError);
        CHECK_THROWS_AS((void)sys::TerminalMode::make_raw(fd), SysError);
    }
}

TEST_CASE("raw mode is undone by its owner, on request, and by a signal's last act") {
    const auto pty = sys::open_pty();
    const int fd = pty.slave.get();
    REQUIRE((mode_of(fd).c_lflag & ECHO) != 0);
    {
        auto mode = sys::TerminalMode::make_raw(fd);
        CHECK((mode_of(fd).c_lflag & (ECHO | ICANON | ISIG)) == 0);
        CHECK((mode_of(fd).c_oflag & OPOST) == 0);
        mode.restore();
        CHECK((mode_of(fd).c_lflag & ECHO) != 0);
        mode.apply();
        CHECK((mode_of(fd).c_lflag & ECHO) == 0);
        const auto moved = std::move(mode);
        CHECK((mode_of(fd).c_lflag & ECHO) == 0);
    }
    CHECK((mode_of(fd).c_lflag & ECHO) != 0);
    {
        const auto mode = sys::TerminalMode::make_raw(fd);
        sys::restore_terminal_for_signal();
        CHECK((mode_of(fd).c_lflag & ECHO) != 0);
    }
    CHECK((mode_of(fd).c_lflag & ECHO) != 0);
    sys::restore_terminal_for_signal();  // nobody there: nothing happens
}
