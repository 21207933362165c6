#pragma once

// Ctrl-C while something long is under way: the first one asks the work to stop, so that it can
// leave a clean store and say so; the second one ends nau at once.

#include <atomic>
#include <csignal>
#include <stop_token>
#include <thread>

#include "sys/unique_fd.h"

namespace nau::cli {

/// From construction to destruction SIGINT, SIGTERM and SIGHUP stop `source` instead of ending the
/// process. Threads that are made meanwhile do not get them either.
class InterruptWatch {
  public:
    explicit InterruptWatch(std::stop_source source);
    ~InterruptWatch();
    InterruptWatch(const InterruptWatch&) = delete;
    InterruptWatch& operator=(const InterruptWatch&) = delete;
    InterruptWatch(InterruptWatch&&) = delete;
    InterruptWatch& operator=(InterruptWatch&&) = delete;

  private:
    void watch();

    std::stop_source source_;
    sigset_t saved_mask_{};
    sys::UniqueFd signals_;
    sys::UniqueFd wake_;
    std::jthread thread_;
};

/// The signal that the last InterruptWatch saw, 0 for none: 128 + it is the exit status.
int last_interrupt() noexcept;

}  // namespace nau::cli
