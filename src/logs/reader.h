#pragma once

// The log's reading end: `nau logs`. Reads container.log.N … .1 and the current file as one text,
// each record once, also while the writer rotates. Following ends when the container has ended and
// everything that was written is printed: first the end is seen, then the file is read to its end
// once more, and the monitor writes its exit record only after the last byte of output.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/time.h"
#include "logs/format.h"

namespace nau::logs {

struct ReadOptions {
    /// Only the last N lines (an unfinished last line counts as one); nullopt: all.
    std::optional<uint64_t> tail{};
    std::optional<Time> since{};
    /// A follower ends at this moment.
    std::optional<Time> until{};
    bool standard_output = true;
    bool standard_error = true;
    bool follow = false;

    /// Follow: whether the container has ended (its exit record exists, or its process is gone).
    /// Asked after every wake-up. Absent: follows for ever.
    std::function<bool()> has_ended{};
    /// Follow: a directory whose changes mean "ask has_ended again" (the container's run
    /// directory).
    std::filesystem::path end_directory{};
    /// Follow: wakes up when it becomes readable and asks has_ended (the monitor's pidfd); -1:
    /// none.
    int end_fd = -1;
    /// Follow: ends at once when it becomes readable (a signalfd, say); -1: none.
    int stop_fd = -1;
};

struct Entry {
    Record record;
    /// This record begins a line of its stream: where a time stamp or a name is printed.
    bool begins_line = true;
};

/// Calls `sink` for each record that is wanted until it returns false; `idle` (may be empty) before
/// each wait, where a sink that collects flushes. A log that does not exist is empty.
/// @throws SysError, and what the sinks throw
void read_log(const std::filesystem::path& path,
              const ReadOptions& options,
              const std::function<bool(const Entry&)>& sink,
              const std::function<void()>& idle = {});

struct PrintOptions {
    bool timestamps = false;
    /// Put before each line, such as "web  | "; empty: nothing.
    std::string prefix{};
    int output_fd = 1;
    int error_fd = 2;
};

/// read_log() to descriptors: the container's stdout to output_fd, its stderr to error_fd, in the
/// order of the log, in big writes. Ends quietly when a reader has closed its pipe.
/// @throws SysError
void print_log(const std::filesystem::path& path,
               const ReadOptions& options,
               const PrintOptions& print);

}  // namespace nau::logs
