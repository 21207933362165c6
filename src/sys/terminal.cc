#include "sys/terminal.h"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/major.h>
#include <signal.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/error.h"
#include "sys/file.h"

namespace nau::sys {

namespace {

// For restore_terminal_for_signal(): the one piece of process-wide state here, because a signal
// handler can be given nothing. At most one TerminalMode lives, so one slot will do.
std::atomic<int> raw_fd{-1};
termios saved_mode;

/// tcsetattr from a background process group would stop us (SIGTTOU) in the middle of cleaning up.
int set_mode(int fd, const termios& mode) noexcept {
    sigset_t ttou;
    sigset_t before;
    (void)::sigemptyset(&ttou);
    (void)::sigaddset(&ttou, SIGTTOU);
    (void)::pthread_sigmask(SIG_BLOCK, &ttou, &before);
    int result = 0;
    do {
        result = ::tcsetattr(fd, TCSANOW, &mode);
    } while (result != 0 && errno == EINTR);
    const int error = errno;
    (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return result;
}

}  // namespace

// --- pseudo terminals

Pty open_pty() {
    Pty pty;
    pty.master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    pty.slave_name = fmt::format("/dev/pts/{}", pty_number(pty.master.get()));
    pty.slave = open_pty_slave(pty.master.get());
    return pty;
}

unsigned pty_number(int master_fd) {
    const auto status = fstat(master_fd);
    // /dev/ptmx and any devpts' own ptmx are 5:2.
    if (!S_ISCHR(status.st_mode) || gnu_dev_major(status.st_rdev) != TTYAUX_MAJOR ||
        gnu_dev_minor(status.st_rdev) != 2) {
        throw Error(ErrorKind::invalid, "fd {} is not the master of a pseudo terminal", master_fd);
    }
    unsigned number = 0;
    if (::ioctl(master_fd, TIOCGPTN, &number) != 0) {
        throw SysError(errno, "number of pseudo terminal");
    }
    return number;
}

UniqueFd open_pty_slave(int master_fd) {
    int unlock = 0;
    if (::ioctl(master_fd, TIOCSPTLCK, &unlock) != 0) {
        throw SysError(errno, "unlock pseudo terminal");
    }
    UniqueFd slave(::ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!slave) {
        throw SysError(errno, "open slave of pseudo terminal");
    }
    if (fstatfs(slave.get()).f_type != DEVPTS_SUPER_MAGIC) {
        throw Error(ErrorKind::invalid, "the slave of the pseudo terminal is not on devpts");
    }
    return slave;
}

bool is_terminal(int fd) noexcept {
    const int saved = errno;
    const bool result = ::isatty(fd) == 1;
    errno = saved;
    return result;
}

WindowSize window_size(int fd) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0) {
        throw SysError(errno, "window size of fd {}", fd);
    }
    return {.rows = size.ws_row, .columns = size.ws_col};
}

void set_window_size(int fd, WindowSize size) {
    winsize value{};
    value.ws_row = size.rows;
    value.ws_col = size.columns;
    if (::ioctl(fd, TIOCSWINSZ, &value) != 0) {
        throw SysError(errno, "window size of fd {}", fd);
    }
}

// --- modes

TerminalMode TerminalMode::make_raw(int fd) {
    termios found{};
    if (::tcgetattr(fd, &found) != 0) {
        throw SysError(errno, "terminal mode of fd {}", fd);
    }
    NAU_ASSERT(raw_fd.load() == -1);
    saved_mode = found;
    TerminalMode mode(fd, found);
    mode.apply();
    return mode;
}

TerminalMode::TerminalMode(TerminalMode&& other) noexcept
    : fd_(other.fd_), saved_(other.saved_), active_(std::exchange(other.active_, false)) {}

TerminalMode::~TerminalMode() {
    const int saved = errno;
    restore();
    errno = saved;
}

void TerminalMode::restore() noexcept {
    if (active_) {
        active_ = false;
        (void)set_mode(fd_, saved_);  // a terminal that has gone needs no restoring
        raw_fd.store(-1);
    }
}

void TerminalMode::apply() {
    if (active_) {
        return;
    }
    termios raw_mode = saved_;
    ::cfmakeraw(&raw_mode);
    raw_mode.c_cc[VMIN] = 1;
    raw_mode.c_cc[VTIME] = 0;
    raw_fd.store(fd_);  // first: a signal between the two restores what is not yet changed
    if (set_mode(fd_, raw_mode) != 0) {
        const int error = errno;
        raw_fd.store(-1);
        throw SysError(error, "raw mode of fd {}", fd_);
    }
    active_ = true;
}

void restore_terminal_for_signal() noexcept {
    const int saved = errno;
    const int fd = raw_fd.exchange(-1);
    if (fd >= 0) {
        (void)set_mode(fd, saved_mode);  // nothing else can be done about it here
    }
    errno = saved;
}

}  // namespace nau::sys
