#include "tests/unit/monitor/process_launcher.h"

#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/process.h"
#include "sys/terminal.h"

namespace nau::test {

namespace {

[[noreturn]] void run_child(const std::string& script, const int (&stdio)[3], bool has_terminal) {
    sys::reset_signals();
    (void)::setsid();
    if (has_terminal) {
        (void)::ioctl(stdio[0], TIOCSCTTY, 0);
    }
    for (int fd = 0; fd < 3; ++fd) {
        const int source = stdio[fd] >= 0 ? stdio[fd] : ::open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)::dup2(source, fd);
    }
    (void)::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
    ::_exit(127);
}

}  // namespace

void ProcessLauncher::prepare(const monitor::MonitorConfig& config) {
    script_ = config.spec_text;
    if (script_ == "fail:prepare") {
        throw SysError(ENOSPC, "prepare");
    }
}

runtime::LaunchedTask ProcessLauncher::launch(const monitor::LaunchRequest& request) {
    if (script_ == "fail:launch") {
        throw runtime::LaunchError(runtime::Step::exec, ENOENT, "/bin/none");
    }
    if (script_ == "fail:foreign") {
        throw std::runtime_error("something else");
    }
    sys::Pty pty;
    int stdio[3] = {request.stdio.in, request.stdio.out, request.stdio.err};
    if (request.config->terminal) {
        pty = sys::open_pty();
        sys::set_window_size(pty.master.get(), request.config->window);
        for (int& fd : stdio) {
            fd = pty.slave.get();
        }
    }
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw SysError(errno, "fork");
    }
    if (pid == 0) {
        run_child(script_, stdio, request.config->terminal);
    }
    runtime::LaunchedTask task;
    task.pid = pid;
    task.pidfd = sys::pidfd_open(pid);
    task.start_time = sys::process_start_time(pid).value_or(0);
    task.console = std::move(pty.master);
    return task;
}

runtime::LaunchedTask ProcessLauncher::launch_inside(const monitor::InsideRequest& request) {
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw SysError(errno, "fork");
    }
    if (pid == 0) {
        const int stdio[3] = {request.stdio.in, request.stdio.out, request.stdio.err};
        run_child(request.argv.back(), stdio, false);
    }
    runtime::LaunchedTask task;
    task.pid = pid;
    task.pidfd = sys::pidfd_open(pid);
    return task;
}

monitor::TaskFigures ProcessLauncher::figures() noexcept {
    return {.oom_killed = false, .memory_peak_bytes = 1234, .cpu_ns = 5678};
}

void ProcessLauncher::tear_down() noexcept {}

}  // namespace nau::test
