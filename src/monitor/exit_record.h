#pragma once

// How a task ended, written once by its monitor to containers/<id>/exit (temp file, rename), before
// anybody is told. Its existence says that the container has ended; a monitor leaves none only if
// it was itself killed, and then nobody knows: reconcile writes `unknown`.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace nau::monitor {

enum class ExitCause {
    exited,          ///< init called exit
    signaled,        ///< init died of a signal
    oom,             ///< init was killed because the container had no memory left
    timeout,         ///< --timeout had passed
    user,            ///< a command asked for it: stop, kill, rm -f
    health,          ///< it was unhealthy, and that was to be its end
    start_failed,    ///< init never ran the command
    monitor_failed,  ///< the monitor had to give up and killed the container
    unknown,         ///< nobody was there to see it
};

std::string_view to_string(ExitCause cause) noexcept;
/// An unknown word is ExitCause::unknown.
ExitCause parse_exit_cause(std::string_view word) noexcept;

struct ExitRecord {
    std::string id{};
    /// As a shell tells it: the code, or 128 + signal. Absent when nobody knows, never invented.
    std::optional<int> exit_code{};
    /// 0: none.
    int signal = 0;
    ExitCause cause = ExitCause::unknown;
    /// Some process of the container was killed by the out-of-memory killer.
    bool oom_killed = false;
    /// Its monitor was killed: a command has found out what the kernel still told.
    bool monitor_lost = false;
    /// How often it has been started again by its restart policy.
    uint64_t restart_count = 0;
    /// Absent when it never started.
    std::optional<Time> started_at{};
    Time finished_at{};
    std::optional<uint64_t> memory_peak_bytes{};
    std::optional<uint64_t> cpu_ns{};
    /// From and to devices.
    std::optional<uint64_t> io_read_bytes{};
    std::optional<uint64_t> io_written_bytes{};
    /// Output that could not be written to the log (disk full).
    uint64_t log_lost_bytes = 0;
    /// Why the start failed or the monitor gave up; empty otherwise.
    std::string error{};

    friend bool operator==(const ExitRecord&, const ExitRecord&) = default;
};

std::string to_json(const ExitRecord& record);
/// @throws Error{corrupt}, also for a version that is newer than this binary
ExitRecord parse_exit_record(std::string_view text);

/// Where the record of a container with this run directory is.
std::filesystem::path exit_record_path(const std::filesystem::path& run_dir);

/// Atomically. @throws SysError
void write_exit_record(const std::filesystem::path& run_dir, const ExitRecord& record);
/// nullopt when there is none. @throws SysError, Error{corrupt}
std::optional<ExitRecord> read_exit_record(const std::filesystem::path& run_dir);

}  // namespace nau::monitor
