#pragma once

// containers/<id>/state.json: which processes a running container is made of, written by its
// monitor before it reports the start. It is a hint: whoever reads it verifies the pids with
// sys::find_process.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace nau::monitor {

struct TaskState {
    std::string id{};
    /// pid 0 between two runs.
    sys::ProcessId init{};
    sys::ProcessId monitor{};
    std::string cgroup_path{};
    Time started_at{};
    /// It has ended and its monitor is going to start it again.
    bool is_restarting = false;
    uint64_t restart_count = 0;
    /// Of the last run, while it is restarting.
    std::optional<int> last_exit_code{};
    std::optional<Time> last_finished_at{};
    friend bool operator==(const TaskState&, const TaskState&) = default;
};

std::string to_json(const TaskState& state);
/// @throws Error{corrupt}
TaskState parse_task_state(std::string_view text);

void write_task_state(const std::filesystem::path& run_dir, const TaskState& state);
/// nullopt when there is none. @throws SysError, Error{corrupt}
std::optional<TaskState> read_task_state(const std::filesystem::path& run_dir);

/// The living monitor of the task; nullopt when there is none.
std::optional<sys::UniqueFd> find_monitor(const std::filesystem::path& run_dir);
/// A file that a command makes before it ends the container: the end is wanted, so no restart
/// follows and the record says `user`. A file and no message: it counts also when the monitor is
/// stopped or dead.
std::filesystem::path stop_request_path(const std::filesystem::path& run_dir);
/// The directory may be gone. @throws SysError
void request_stop(const std::filesystem::path& run_dir);

/// A file that is there once output could not be written to the log. It holds the reason.
std::filesystem::path log_loss_path(const std::filesystem::path& run_dir);
/// nullopt when nothing was lost. @throws SysError
std::optional<std::string> read_log_loss(const std::filesystem::path& run_dir);

/// Whether nothing more will come of the task, not even output: its exit record exists, or neither
/// its monitor nor its init lives. That init alone has ended does not mean it: its last output may
/// still be on the way to the log.
bool task_has_ended(const std::filesystem::path& run_dir);

}  // namespace nau::monitor
