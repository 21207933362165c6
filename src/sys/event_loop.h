#pragma once

// Waiting for descriptors, timers and signals in one place, on one thread: epoll, timerfd,
// signalfd. Callbacks run inside run(), one at a time, and may add and remove anything, themselves
// included: a handler that was removed is not called any more, even if its event had already been
// fetched.
//
//   EventLoop loop;
//   loop.add_fd(fd, EPOLLIN, [&](uint32_t events) { … });
//   loop.add_signals({SIGTERM, SIGCHLD}, [&](const signalfd_siginfo& info) { … });
//   loop.run();   // until stop(), or until nothing is left to wait for
//
// An exception that leaves a callback leaves run(); the loop can be run again.

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <vector>

#include "sys/unique_fd.h"

namespace nau::sys {

class EventLoop {
  public:
    using FdCallback = std::function<void(uint32_t events)>;
    using TimerCallback = std::function<void()>;
    using SignalCallback = std::function<void(const signalfd_siginfo&)>;
    /// Never 0, never used twice.
    using TimerId = uint64_t;

    EventLoop();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;
    EventLoop(EventLoop&&) = delete;
    EventLoop& operator=(EventLoop&&) = delete;

    /// Calls `callback` with the EPOLL* bits that are true. `fd` is borrowed and must be removed
    /// before it is closed. Level-triggered unless `events` holds EPOLLET. EPOLLERR and EPOLLHUP
    /// always arrive. Regular files cannot be waited for (SysError EPERM). @pre not added yet
    void add_fd(int fd, uint32_t events, FdCallback callback);
    /// Another set of events; 0 keeps the handler but mutes it (but for EPOLLERR and EPOLLHUP).
    void modify_fd(int fd, uint32_t events);
    /// An unknown `fd` is ignored, so that clean-up may call it twice.
    void remove_fd(int fd) noexcept;

    /// Calls once, `delay` from now, on the monotonic clock (which stands still in suspend).
    TimerId add_timer(std::chrono::nanoseconds delay, TimerCallback callback);
    /// An id that has fired or was cancelled is ignored.
    void cancel_timer(TimerId id) noexcept;

    /// Blocks the signals in this thread and reads them here. A signal belongs to the callback that
    /// was added last. The destructor restores the mask found by the first call.
    void add_signals(std::initializer_list<int> signals, SignalCallback callback);

    /// Until stop() is called, or until neither a descriptor nor a timer is left (signals alone do
    /// keep it running). @throws what callbacks throw, SysError
    void run();
    /// A callback may call it too; its own event comes again unless it was muted or consumed.
    /// Handles what is ready within `timeout` (negative: waits for ever). false once stop() was
    /// called.
    bool run_once(std::chrono::milliseconds timeout);
    void stop() noexcept { stopped_ = true; }

    /// Readable when run_once() has something to do: for waiting in a way of one's own.
    int fd() const noexcept { return epoll_.get(); }

  private:
    struct Handler;
    struct Timer;
    struct SignalHandler;

    void arm_timerfd();
    void run_due_timers();
    void read_signals();
    SignalHandler* find_signal(int signal) noexcept;
    Handler* find_handler(int fd) noexcept;

    UniqueFd epoll_;
    UniqueFd timerfd_;
    UniqueFd signalfd_;
    std::vector<std::unique_ptr<Handler>> handlers_;
    /// Removed inside a callback; freed when the round is over.
    std::vector<std::unique_ptr<Handler>> removed_;
    std::vector<Timer> timers_;
    std::vector<SignalHandler> signals_;
    sigset_t signal_mask_{};
    sigset_t saved_mask_{};
    TimerId next_timer_ = 1;
    int depth_ = 0;  ///< of rounds: a callback may run the loop itself
    bool stopped_ = false;
};

}  // namespace nau::sys
