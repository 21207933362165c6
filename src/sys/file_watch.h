#pragma once

// Waking up when files in a directory change (inotify). It says only "look again": what has changed
// is for the reader to find out. Where the user's inotify instances are used up, it becomes a clock
// that ticks five times a second.

#include <chrono>
#include <string>

#include "sys/unique_fd.h"

namespace nau::sys {

class FileWatch {
  public:
    /// @throws nothing but bad_alloc
    FileWatch();

    /// Entries of this directory that are made, renamed, written or removed, and its own removal. A
    /// directory that does not exist makes the watch a clock. @throws SysError
    void add_directory(const std::string& path);

    /// Readable after a change; -1 for a clock. Borrowed.
    int fd() const noexcept { return fd_.get(); }
    /// How long to wait for fd() at most; negative: for ever.
    std::chrono::milliseconds patience() const noexcept;
    /// Forgets the changes so far. Call it before looking.
    void clear() noexcept;

  private:
    UniqueFd fd_;
    bool is_clock_ = false;
};

}  // namespace nau::sys
