#pragma once

// One health check that runs now. Joining the container may wait (for a freezer, for the kernel),
// and the monitor's loop must not: a fork of the monitor, without its descriptors, does it and
// waits for the command. Fork and not spawn: there is no program to load, and the fork shares the
// monitor's memory.
//
//   monitor ──fork──▶ probe ──exec_in──▶ command        output: pipe to the monitor
//      ▲                └─ waits, kills it at the time-out   report: pipe to the monitor
//      └── SIGCHLD ─────┘

#include <cstdint>
#include <optional>
#include <string>

#include "monitor/health.h"
#include "monitor/launcher.h"
#include "sys/event_loop.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace nau::monitor {

class HealthProbe {
  public:
    struct Request {
        const MonitorConfig* config = nullptr;
        /// Holds the runtime spec; borrowed.
        int spec_fd = -1;
        sys::ProcessId target{};
        HealthCommand command{};
        /// What is kept of the output.
        size_t max_output = 0;
    };

    /// Starts it. @throws SysError
    HealthProbe(sys::EventLoop& loop, Launcher& launcher, const Request& request);
    /// Ends it, if it still runs.
    ~HealthProbe();
    HealthProbe(const HealthProbe&) = delete;
    HealthProbe& operator=(const HealthProbe&) = delete;
    HealthProbe(HealthProbe&&) = delete;
    HealthProbe& operator=(HealthProbe&&) = delete;

    /// A child of this process; who reaps it calls finish().
    pid_t pid() const noexcept { return pid_; }
    HealthResult finish();

  private:
    void read_output();

    sys::EventLoop& loop_;
    Time started_at_{};
    pid_t pid_ = -1;
    sys::UniqueFd pidfd_;
    sys::UniqueFd output_;
    sys::UniqueFd report_;
    size_t max_output_;
    std::string text_;
    sys::EventLoop::TimerId timer_ = 0;
};

}  // namespace nau::monitor
