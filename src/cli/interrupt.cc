#include "cli/interrupt.h"

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"

namespace nau::cli {

namespace {

std::atomic<int> seen_signal{0};

sigset_t watched_signals() noexcept {
    sigset_t set = {};
    (void)::sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction action = {};
        // What is ignored stays ignored (nohup); a signalfd would get it nevertheless.
        if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) {
            (void)::sigaddset(&set, signal);
        }
    }
    return set;
}

sys::UniqueFd checked(int fd, const char* call) {
    if (fd < 0) {
        throw SysError(errno, "{}", call);
    }
    return sys::UniqueFd(fd);
}

/// Read one by one: signalfd hands out each signal once.
int read_signal(int fd) noexcept {
    signalfd_siginfo info = {};
    return ::read(fd, &info, sizeof(info)) == sizeof(info) ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace

InterruptWatch::InterruptWatch(std::stop_source source) : source_(std::move(source)) {
    const sigset_t watched = watched_signals();
    signals_ = checked(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
    wake_ = checked(::eventfd(0, EFD_CLOEXEC), "eventfd");
    (void)::pthread_sigmask(SIG_BLOCK, &watched, &saved_mask_);  // fails for wrong arguments only
    thread_ = std::jthread([this] { watch(); });
}

InterruptWatch::~InterruptWatch() {
    const uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof(one));  // an eventfd takes it
    thread_.join();
    (void)::pthread_sigmask(SIG_SETMASK, &saved_mask_, nullptr);
}

void InterruptWatch::watch() {
    std::array<pollfd, 2> fds = {pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                 pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    while (true) {
        if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
            return;  // signals then wait until the mask is restored
        }
        if ((fds[1].revents & POLLIN) != 0) {
            return;
        }
        const int signal = read_signal(signals_.get());
        if (signal == 0) {
            continue;
        }
        if (source_.stop_requested()) {
            ::_exit(128 + signal);
        }
        seen_signal.store(signal, std::memory_order_relaxed);
        source_.request_stop();
    }
}

int last_interrupt() noexcept {
    return seen_signal.load(std::memory_order_relaxed);
}

}  // namespace nau::cli
