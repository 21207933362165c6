#pragma once

// Writing to a descriptor that somebody else owns without ever being blocked by it. O_NONBLOCK may
// not be set on it: the flag belongs to the open file description, which the user's shell and other
// programs share. So a pipe or terminal is opened once more through /proc/self/fd, which makes a
// description of our own.

#include <string_view>
#include <sys/types.h>

#include "sys/unique_fd.h"

namespace nau::monitor {

/// A descriptor for the same place as `fd` whose write(2) never blocks for long: a regular file or
/// /dev/null as it is, a new non-blocking description of a pipe or a terminal. Empty when there is
/// none (a socket, no permission).
sys::UniqueFd direct_output(int fd) noexcept;

class OutputTarget {
  public:
    /// Borrows `fd`, which must stay open.
    explicit OutputTarget(int fd) noexcept;

    /// The number of bytes written, or -errno; -EAGAIN when nothing can be written now: wait for
    /// POLLOUT of fd().
    ssize_t write_some(std::string_view bytes) const noexcept;
    int fd() const noexcept { return own_ ? own_.get() : fd_; }

  private:
    enum class Way { plain, socket, cautious };

    int fd_;
    sys::UniqueFd own_;
    Way way_ = Way::plain;
};

}  // namespace nau::monitor
