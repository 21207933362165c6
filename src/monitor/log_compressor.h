#pragma once

// One old log file on its way to a compressed one, in a short-lived fork of the monitor: the loop
// may not wait for it, and the memory that it needs is gone with it. The fork has none of the
// monitor's descriptors but the two files, and dies with the monitor. Its exit status says whether
// the compressed file is complete.

#include <cstdint>
#include <filesystem>
#include <sys/types.h>

#include "sys/unique_fd.h"

namespace nau::monitor {

class LogCompressor {
  public:
    /// Borrows `source`. `target` is made anew. @throws SysError
    LogCompressor(uint64_t file, int source, const std::filesystem::path& target);
    /// Kills it; the monitor reaps.
    ~LogCompressor();
    LogCompressor(const LogCompressor&) = delete;
    LogCompressor& operator=(const LogCompressor&) = delete;
    LogCompressor(LogCompressor&&) = delete;
    LogCompressor& operator=(LogCompressor&&) = delete;

    pid_t pid() const noexcept { return pid_; }
    /// The number of the file, as logs::LogWriter has it.
    uint64_t file() const noexcept { return file_; }

  private:
    uint64_t file_;
    pid_t pid_ = -1;
    sys::UniqueFd pidfd_;
};

}  // namespace nau::monitor
