#include <cerrno>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "runtime/child/context.h"
#include "runtime/child/stages.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

namespace {

/// Process 1 of a container with --init: passes signals on, reaps, and ends as the command does. It
/// is confined as the command is, holds no descriptor, and shows no command line of nau's.
[[noreturn]] void reap(Context& c, pid_t command) noexcept {
    raw::close_range(0, ~0U, 0);
    (void)raw::prctl(PR_SET_NAME, raw::arg("nau-init"));
    for (size_t i = 0; i < c.in.own_arguments_size; ++i) {
        const char* name = "nau-init";
        c.in.own_arguments[i] = i < 8 && i + 1 < c.in.own_arguments_size ? name[i] : '\0';
    }
    for (;;) {
        siginfo_t info = {};
        const int signal = raw::rt_sigtimedwait(~uint64_t{0}, &info, nullptr);
        if (signal > 0 && signal != SIGCHLD) {
            (void)raw::kill(command, signal);
            continue;
        }
        // Also when sigtimedwait is forbidden by a filter: then this waits for an end.
        int options = WEXITED | (signal > 0 || signal == -EINTR ? WNOHANG : 0);
        for (;;) {
            siginfo_t ended = {};
            const int result = raw::waitid(P_ALL, 0, &ended, options);
            if (result == -ECHILD) {
                raw::exit(1);
            }
            if (result < 0 || ended.si_pid == 0) {
                break;
            }
            if (ended.si_pid == command) {
                raw::exit(ended.si_code == CLD_EXITED ? ended.si_status : 128 + ended.si_status);
            }
            options |= WNOHANG;
        }
    }
}

}  // namespace

/// Forks the command off; process 1 does not return.
void become_reaper(Context& c) noexcept {
    at(c, Step::init_process);
    (void)raw::prctl(PR_SET_CHILD_SUBREAPER, 1);
    check(c, raw::set_signal_mask(~uint64_t{0}));
    // Not clone3, which filters refuse because they cannot see its flags.
    const long command = check(c, raw::clone(SIGCHLD, nullptr));
    if (command != 0) {
        reap(c, static_cast<pid_t>(command));
    }
    die_with_parent(c);
}

}  // namespace nau::runtime::child
