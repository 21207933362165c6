#pragma once

// Pseudo terminals and the modes of the user's own terminal.
//
// A TerminalMode is the owner of a changed mode: it restores the settings it found when it is
// destroyed, and restore_terminal_for_signal() lets a signal handler or a crash path do the same
// before the process dies.

#include <string>
#include <sys/ioctl.h>
#include <termios.h>

#include "sys/unique_fd.h"

namespace nau::sys {

struct Pty {
    UniqueFd master;
    UniqueFd slave;
    std::string slave_name;  ///< "/dev/pts/3", as this mount namespace sees it
};

/// A new pair from /dev/ptmx, both ends close-on-exec and neither a controlling terminal.
/// @throws SysError; Error{invalid}
Pty open_pty();
/// The slave of a master: by TIOCGPTPEER, not by name, which another mount could answer
/// (CVE-2025-52565), and verified to be on a devpts. @throws SysError; Error{invalid}
UniqueFd open_pty_slave(int master_fd);
/// Its number in its devpts instance, after checking that the descriptor is the master of a pseudo
/// terminal. @throws SysError; Error{invalid}
unsigned pty_number(int master_fd);

bool is_terminal(int fd) noexcept;

struct WindowSize {
    unsigned short rows = 0;
    unsigned short columns = 0;
    friend bool operator==(const WindowSize&, const WindowSize&) = default;
};

/// @throws SysError
WindowSize window_size(int fd);
void set_window_size(int fd, WindowSize size);

class [[nodiscard]] TerminalMode {
  public:
    /// Raw: no echo, no line editing, no signals from keys, no translation of output.
    /// At most one exists at a time (asserted). @throws SysError
    static TerminalMode make_raw(int fd);

    TerminalMode(TerminalMode&& other) noexcept;
    TerminalMode& operator=(TerminalMode&& other) = delete;
    TerminalMode(const TerminalMode&) = delete;
    TerminalMode& operator=(const TerminalMode&) = delete;
    ~TerminalMode();

    /// Before the destructor does it, e.g. before the process stops itself; idempotent.
    void restore() noexcept;
    /// Sets the raw mode again after restore(), e.g. after SIGCONT. @throws SysError
    void apply();

  private:
    TerminalMode(int fd, const termios& saved) noexcept : fd_(fd), saved_(saved) {}

    int fd_;  ///< borrowed
    termios saved_;
    bool active_ = false;
};

/// Restores the terminal of the living TerminalMode, if any. Async-signal-safe.
void restore_terminal_for_signal() noexcept;

}  // namespace nau::sys
