#include "engine/oci_runtime/foreground.h"

#include <csignal>
#include <memory>
#include <sys/epoll.h>

#include "base/error.h"
#include "engine/oci_runtime/terminal_proxy.h"
#include "sys/process.h"

namespace nau::engine::oci_runtime {

void Foreground::block_signals() {
    // Not the job control of our own terminal, and nothing that a fault of our own would raise.
    loop_.add_signals(
        {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH, SIGCHLD},
        [this](const signalfd_siginfo& info) {
            if (info.ssi_signo == SIGCHLD) {
                reap();
            } else {
                pass_on(static_cast<int>(info.ssi_signo));
            }
        });
}

int Foreground::watch(runtime::LaunchedTask task) {
    pid_ = task.pid;
    const sys::UniqueFd pidfd = std::move(task.pidfd);
    pidfd_ = pidfd.get();
    std::unique_ptr<TerminalProxy> terminal;
    if (task.console) {
        terminal = std::make_unique<TerminalProxy>(loop_, std::move(task.console));
    }
    loop_.add_signals({SIGWINCH}, [this, &terminal](const signalfd_siginfo&) {
        if (terminal) {
            terminal->resize();
        } else {
            pass_on(SIGWINCH);
        }
    });
    loop_.add_fd(pidfd_, EPOLLIN, [this](uint32_t) { reap(); });
    while (!status_) {
        (void)loop_.run_once(std::chrono::milliseconds(-1));
    }
    loop_.remove_fd(pidfd_);
    if (terminal) {
        terminal->drain();
    }
    return *status_;
}

/// Our process, and as a subreaper whatever else its end has left to us.
void Foreground::reap() {
    while (const auto child = sys::reap_any_child()) {
        if (child->pid == pid_) {
            status_ = child->status.shell_code();
        }
    }
}

void Foreground::pass_on(int signal) {
    if (pidfd_ >= 0) {
        (void)sys::send_signal(pidfd_, signal);
    }
}

}  // namespace nau::engine::oci_runtime
