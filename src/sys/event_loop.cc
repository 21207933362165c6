#include "sys/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/scope_exit.h"
#include "sys/raw.h"

namespace nau::sys {

struct EventLoop::Handler {
    int fd;
    bool is_removed;
    FdCallback callback;
};

struct EventLoop::Timer {
    TimerId id;
    std::chrono::nanoseconds deadline;  // CLOCK_MONOTONIC
    TimerCallback callback;
};

struct EventLoop::SignalHandler {
    int signal;
    // Shared, so that a callback survives what it does to the list it is in.
    std::shared_ptr<SignalCallback> callback;
};

namespace {

std::chrono::nanoseconds monotonic_now() noexcept {
    timespec now{};
    (void)::clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail for this clock
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

void epoll_add(int epoll, int fd, uint32_t events, void* tag) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = tag;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        throw SysError(errno, "wait for fd {}", fd);
    }
}

}  // namespace

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) {
        throw SysError(errno, "epoll_create1");
    }
    (void)::sigemptyset(&signal_mask_);
}

EventLoop::~EventLoop() {
    if (signalfd_) {
        (void)::pthread_sigmask(SIG_SETMASK, &saved_mask_, nullptr);  // cannot fail
    }
}

EventLoop::Handler* EventLoop::find_handler(int fd) noexcept {
    const auto found = std::ranges::find(handlers_, fd, [](const auto& h) { return h->fd; });
    return found == handlers_.end() ? nullptr : found->get();
}

void EventLoop::add_fd(int fd, uint32_t events, FdCallback callback) {
    NAU_ASSERT(find_handler(fd) == nullptr);
    auto handler = std::make_unique<Handler>(
        Handler{.fd = fd, .is_removed = false, .callback = std::move(callback)});
    handlers_.reserve(handlers_.size() + 1);
    removed_.reserve(handlers_.size() + removed_.size() + 1);  // remove_fd() must not allocate
    epoll_add(epoll_.get(), fd, events, handler.get());
    handlers_.push_back(std::move(handler));
}

void EventLoop::modify_fd(int fd, uint32_t events) {
    Handler* handler = find_handler(fd);
    NAU_ASSERT(handler != nullptr);
    epoll_event event{};
    event.events = events;
    event.data.ptr = handler;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
        throw SysError(errno, "wait for fd {}", fd);
    }
}

void EventLoop::remove_fd(int fd) noexcept {
    const auto found = std::ranges::find(handlers_, fd, [](const auto& h) { return h->fd; });
    if (found == handlers_.end()) {
        return;
    }
    epoll_event unused{};
    // EBADF when the caller closed it first: then the kernel has forgotten it already.
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &unused);
    (*found)->is_removed = true;
    if (depth_ > 0) {
        removed_.push_back(std::move(*found));  // it may be the one that is running
    }
    handlers_.erase(found);
}

// --- timers

EventLoop::TimerId EventLoop::add_timer(std::chrono::nanoseconds delay, TimerCallback callback) {
    if (!timerfd_) {
        timerfd_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
        if (!timerfd_) {
            throw SysError(errno, "timerfd_create");
        }
        epoll_add(epoll_.get(), timerfd_.get(), EPOLLIN, &timerfd_);
    }
    const TimerId id = next_timer_++;
    timers_.push_back(
        {.id = id, .deadline = monotonic_now() + delay, .callback = std::move(callback)});
    arm_timerfd();
    return id;
}

void EventLoop::cancel_timer(TimerId id) noexcept {
    // The timerfd stays armed: waking up once for nothing is cheaper than asking each time.
    std::erase_if(timers_, [&](const Timer& timer) { return timer.id == id; });
}

void EventLoop::arm_timerfd() {
    itimerspec setting{};
    if (!timers_.empty()) {
        const auto earliest = std::ranges::min_element(timers_, {}, &Timer::deadline)->deadline;
        const auto when = std::max(earliest, std::chrono::nanoseconds(1));  // 0 would disarm
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(when);
        setting.it_value = {.tv_sec = seconds.count(), .tv_nsec = (when - seconds).count()};
    }
    if (::timerfd_settime(timerfd_.get(), TFD_TIMER_ABSTIME, &setting, nullptr) != 0) {
        throw SysError(errno, "timerfd_settime");
    }
}

void EventLoop::run_due_timers() {
    uint64_t expirations = 0;
    (void)!::read(timerfd_.get(), &expirations, sizeof expirations);  // EAGAIN: re-armed meanwhile
    const ScopeExit rearm([this]() noexcept {
        try {
            arm_timerfd();
        } catch (const Error&) {
            // Setting an existing timerfd to a valid time does not fail.
        }
    });
    // Timers that callbacks add are for the next round, or one that re-adds itself would starve
    // everything else.
    const auto now = monotonic_now();
    const TimerId first_new = next_timer_;
    for (;;) {
        const auto earliest = std::ranges::min_element(timers_, {}, [&](const Timer& timer) {
            return timer.id >= first_new ? std::chrono::nanoseconds::max() : timer.deadline;
        });
        if (earliest == timers_.end() || earliest->id >= first_new || earliest->deadline > now) {
            return;
        }
        const TimerCallback callback = std::move(earliest->callback);
        timers_.erase(earliest);
        callback();
    }
}

// --- signals

EventLoop::SignalHandler* EventLoop::find_signal(int signal) noexcept {
    const auto found = std::ranges::find(signals_, signal, &SignalHandler::signal);
    return found == signals_.end() ? nullptr : &*found;
}

void EventLoop::add_signals(std::initializer_list<int> signals, SignalCallback callback) {
    const auto shared = std::make_shared<SignalCallback>(std::move(callback));
    for (const int signal : signals) {
        if (::sigaddset(&signal_mask_, signal) != 0) {
            throw SysError(errno, "wait for signal {}", signal);
        }
        if (SignalHandler* handler = find_signal(signal)) {
            handler->callback = shared;
        } else {
            signals_.push_back({.signal = signal, .callback = shared});
        }
    }
    const bool is_first = !signalfd_;
    const int fd = ::signalfd(signalfd_.get(), &signal_mask_, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        throw SysError(errno, "signalfd");
    }
    (void)::pthread_sigmask(
        SIG_BLOCK, &signal_mask_, is_first ? &saved_mask_ : nullptr);  // cannot fail
    if (is_first) {
        signalfd_.reset(fd);
        epoll_add(epoll_.get(), fd, EPOLLIN, &signalfd_);
    }
}

void EventLoop::read_signals() {
    for (;;) {
        signalfd_siginfo info{};
        if (::read(signalfd_.get(), &info, sizeof info) != sizeof info) {
            return;  // EAGAIN: none left
        }
        const SignalHandler* handler = find_signal(static_cast<int>(info.ssi_signo));
        if (handler != nullptr) {
            const auto callback = handler->callback;
            (*callback)(info);
        }
    }
}

// --- running

void EventLoop::run() {
    stopped_ = false;
    while (!stopped_ && !(handlers_.empty() && timers_.empty() && signals_.empty())) {
        (void)run_once(std::chrono::milliseconds(-1));
    }
}

bool EventLoop::run_once(std::chrono::milliseconds timeout) {
    std::array<epoll_event, 16> events;
    const int milliseconds =
        timeout.count() < 0 ? -1 : static_cast<int>(std::min<int64_t>(timeout.count(), INT32_MAX));
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), milliseconds);
    if (count < 0) {
        if (errno == EINTR) {
            return !stopped_;
        }
        throw SysError(errno, "epoll_wait");
    }
    ++depth_;
    const ScopeExit end_of_round([this]() noexcept {
        if (--depth_ == 0) {
            removed_.clear();
        }
    });
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
        const epoll_event& event = events.at(i);
        if (event.data.ptr == &timerfd_) {
            run_due_timers();
        } else if (event.data.ptr == &signalfd_) {
            read_signals();
        } else if (auto* handler = static_cast<Handler*>(event.data.ptr); !handler->is_removed) {
            handler->callback(event.events);
        }
    }
    return !stopped_;
}

}  // namespace nau::sys
