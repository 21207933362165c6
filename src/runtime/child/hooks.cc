// Hooks that run in the container's namespaces: forks of this process, with the state on standard
// input and a file of the parent's for what they write. They are waited for by pidfd.

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "runtime/child/context.h"
#include "runtime/child/stages.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

namespace {

/// What a hook's process says when it could not become the hook: no exit status of a program that
/// ran is meant, so that it goes through a pipe that exec closes.
[[noreturn]] void execute_hook(
    const HookInputs& hook, int state, int output, int failure, const char* directory) noexcept {
    int error = 0;
    const auto try_call = [&](long result) noexcept {
        if (result < 0 && error == 0) {
            error = static_cast<int>(-result);
        }
        return static_cast<int>(result);
    };
    // Beyond 0, 1 and 2, so that none is overwritten before it is used.
    state = try_call(raw::fcntl(state, F_DUPFD_CLOEXEC, 4));
    output = try_call(raw::fcntl(output, F_DUPFD_CLOEXEC, 4));
    failure = try_call(raw::fcntl(failure, F_DUPFD_CLOEXEC, 4));
    (void)raw::lseek(state, 0, SEEK_SET);
    try_call(raw::dup3(state, 0, 0));
    try_call(raw::dup3(output, 1, 0));
    try_call(raw::dup3(output, 2, 0));
    try_call(raw::dup3(failure, 3, O_CLOEXEC));
    (void)raw::close_range(4, ~0U, 0);
    if (raw::chdir(directory) < 0) {
        try_call(raw::chdir("/"));
    }
    (void)raw::set_signal_mask(0);
    if (error == 0) {
        error = -raw::execve(hook.path, hook.argv, hook.env);
    }
    (void)raw::write(3, &error, sizeof error);
    raw::exit(127);
}

/// false: the time was over, or `parent` has hung up: then nobody waits for the container, which
/// has to go.
bool wait_for_hook(const Context& c, int pidfd, int64_t timeout_s, int parent) noexcept {
    const timespec timeout = {timeout_s, 0};
    pollfd fds[2] = {{pidfd, POLLIN, 0}, {parent, 0, 0}};
    for (;;) {
        const int result = raw::ppoll(fds, 2, timeout_s > 0 ? &timeout : nullptr);
        if (result != -EINTR) {
            check(c, result);
            return fds[0].revents != 0;
        }
    }
}

void put_number(char* to, int value) noexcept {
    char digits[4];
    int count = 0;
    do {
        digits[count++] = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value != 0 && count < 4);
    while (count > 0) {
        *to++ = digits[--count];
    }
    *to = '\0';
}

void run_hook(
    Context& c, const HookInputs& hook, int state, const char* directory, int parent) noexcept {
    int failure[2];
    check(c, raw::pipe2(failure, O_CLOEXEC));
    int pidfd = kNone;
    const long pid = check(c, raw::clone(SIGCHLD | CLONE_PIDFD, &pidfd));
    if (pid == 0) {
        execute_hook(hook,
                     state,
                     c.hook_output != kNone ? c.hook_output : c.in.hook_output,
                     failure[1],
                     directory);
    }
    raw::close(failure[1]);
    const bool has_ended = wait_for_hook(c, pidfd, hook.timeout_s, parent);
    if (!has_ended) {
        (void)raw::pidfd_send_signal(pidfd, SIGKILL);
    }
    siginfo_t info = {};
    int result = 0;
    do {
        result = raw::waitid(P_PID, static_cast<int>(pid), &info, WEXITED);
    } while (result == -EINTR);
    int error = 0;
    const long size = raw::read(failure[0], &error, sizeof error);
    raw::close(failure[0]);
    raw::close(pidfd);
    check(c, result);
    if (!has_ended) {
        die(c, ETIMEDOUT, "it was killed");
    }
    if (size == sizeof error) {
        die(c, error);
    }
    if (info.si_code != CLD_EXITED || info.si_status != 0) {
        char text[40];
        const bool is_exit = info.si_code == CLD_EXITED;
        const char* words = is_exit ? "ended with status " : "was killed by signal ";
        copy_text(text, sizeof text, words);
        put_number(text + length_of(words), info.si_status);
        die(c, 0, text);
    }
}

}  // namespace

void run_create_hooks(Context& c) noexcept {
    for (size_t i = 0; i < c.in.create_hook_count; ++i) {
        at(c, Step::hooks, i);
        run_hook(c, c.in.create_hooks[i], c.in.hook_state, c.in.hook_directory, c.sync);
    }
}

void run_start_hooks(Context& c) noexcept {
    for (size_t i = 0; i < c.in.start_hook_count; ++i) {
        at(c, Step::hooks, kStartHook + i);
        run_hook(c, c.in.start_hooks[i], c.start_hook_state, "/", kNone);
    }
}

}  // namespace nau::runtime::child
