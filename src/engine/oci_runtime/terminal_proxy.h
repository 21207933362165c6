#pragma once

// Carries bytes between the caller's terminal and a pty's master until the other side is closed.
// The caller's terminal is raw meanwhile, so that keys reach the process inside.

#include <optional>
#include <string>

#include "sys/event_loop.h"
#include "sys/terminal.h"
#include "sys/unique_fd.h"

namespace nau::engine::oci_runtime {

class TerminalProxy {
  public:
    /// @throws SysError
    TerminalProxy(sys::EventLoop& loop, sys::UniqueFd master);
    ~TerminalProxy();
    TerminalProxy(const TerminalProxy&) = delete;
    TerminalProxy& operator=(const TerminalProxy&) = delete;
    TerminalProxy(TerminalProxy&&) = delete;
    TerminalProxy& operator=(TerminalProxy&&) = delete;

    /// The caller's window has another size.
    void resize() noexcept;
    /// What the process has written before it ended.
    void drain();

  private:
    void read_input();
    void write_input();
    bool read_output();
    void stop_input() noexcept;
    void stop_master() noexcept;

    sys::EventLoop& loop_;
    sys::UniqueFd master_;
    std::optional<sys::TerminalMode> mode_;
    bool has_input_ = false;
    bool has_master_ = true;
    std::string pending_;  ///< typed, and not yet taken by the pty
};

}  // namespace nau::engine::oci_runtime
