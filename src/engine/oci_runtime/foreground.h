#pragma once

// run and exec without --detach: stays beside the process, passes signals on, lends it the caller's
// terminal and tells how it ended.
//
//   block_signals() ─▶ launch ─▶ watch() ─▶ exit status
//
// The signals are blocked before the process exists, so that none is lost in between.

#include <optional>
#include <sys/types.h>

#include "runtime/launch.h"
#include "sys/event_loop.h"

namespace nau::engine::oci_runtime {

class Foreground {
  public:
    Foreground() = default;
    ~Foreground() = default;
    Foreground(const Foreground&) = delete;
    Foreground& operator=(const Foreground&) = delete;
    Foreground(Foreground&&) = delete;
    Foreground& operator=(Foreground&&) = delete;

    void block_signals();
    /// Until the process has ended and its terminal is drained; the status as a shell tells it.
    int watch(runtime::LaunchedTask task);

  private:
    void reap();
    void pass_on(int signal);

    sys::EventLoop loop_;
    int pidfd_ = -1;
    pid_t pid_ = -1;
    std::optional<int> status_;
};

}  // namespace nau::engine::oci_runtime
