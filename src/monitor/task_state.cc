#include "monitor/task_state.h"

#include <cerrno>
#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "monitor/exit_record.h"
#include "sys/file.h"

namespace nau::monitor {

namespace {

constexpr size_t kMaxSize = 64 * 1024;

std::string state_path(const std::filesystem::path& run_dir) {
    return (run_dir / "state.json").string();
}

}  // namespace

std::string to_json(const TaskState& state) {
    json::Value value = {{"version", 1},
                         {"id", state.id},
                         {"pid", state.init.pid},
                         {"startTime", state.init.start_time},
                         {"monitorPid", state.monitor.pid},
                         {"monitorStartTime", state.monitor.start_time},
                         {"cgroupPath", state.cgroup_path},
                         {"startedAt", format_rfc3339(state.started_at)}};
    if (state.restart_count > 0 || state.is_restarting) {
        value["restartCount"] = state.restart_count;
        value["isRestarting"] = state.is_restarting;
    }
    if (state.last_exit_code) {
        value["lastExitCode"] = *state.last_exit_code;
    }
    if (state.last_finished_at) {
        value["lastFinishedAt"] = format_rfc3339(*state.last_finished_at);
    }
    return json::to_text(value);
}

namespace {

Time parse_time(const json::Field& field) {
    const auto time = parse_rfc3339(field.as_string());
    if (!time) {
        field.fail("is no RFC 3339 time");
    }
    return *time;
}

}  // namespace

TaskState parse_task_state(std::string_view text) {
    const json::Value value = json::parse(text, "task state");
    const json::Field root(value, "task state");
    TaskState state;
    state.id = root.at("id").as_string();
    state.init = {.pid = static_cast<pid_t>(root.at("pid").as_int64()),
                  .start_time = root.at("startTime").as_uint64()};
    state.monitor = {.pid = static_cast<pid_t>(root.at("monitorPid").as_int64()),
                     .start_time = root.at("monitorStartTime").as_uint64()};
    state.cgroup_path = root.string_or("cgroupPath", "");
    state.started_at = parse_time(root.at("startedAt"));
    state.is_restarting = root.bool_or("isRestarting", false);
    state.restart_count = root.uint64_or("restartCount", 0);
    if (const auto code = root.optional_int64("lastExitCode")) {
        state.last_exit_code = static_cast<int>(*code);
    }
    if (const auto finished = root.find("lastFinishedAt")) {
        state.last_finished_at = parse_time(*finished);
    }
    return state;
}

void write_task_state(const std::filesystem::path& run_dir, const TaskState& state) {
    sys::write_file_atomic(
        state_path(run_dir), to_json(state) + "\n", 0600, sys::Durability::relaxed);
}

std::optional<TaskState> read_task_state(const std::filesystem::path& run_dir) {
    const auto text = sys::read_file_if_exists(state_path(run_dir), kMaxSize);
    if (!text) {
        return std::nullopt;
    }
    return doing(state_path(run_dir), [&] { return parse_task_state(*text); });
}

std::optional<sys::UniqueFd> find_monitor(const std::filesystem::path& run_dir) {
    const auto state = read_task_state(run_dir);
    return state ? sys::find_process(state->monitor) : std::nullopt;
}

std::filesystem::path log_loss_path(const std::filesystem::path& run_dir) {
    return run_dir / "log-loss";
}

std::optional<std::string> read_log_loss(const std::filesystem::path& run_dir) {
    constexpr size_t kMaxReason = 1024;
    return sys::read_file_if_exists(log_loss_path(run_dir).string(), kMaxReason);
}

std::filesystem::path stop_request_path(const std::filesystem::path& run_dir) {
    return run_dir / "stop";
}

void request_stop(const std::filesystem::path& run_dir) {
    try {
        const sys::UniqueFd file =
            sys::open(stop_request_path(run_dir).string(), O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
    } catch (const SysError& error) {
        if (error.error() != ENOENT) {
            throw;
        }
    }
}

bool task_has_ended(const std::filesystem::path& run_dir) {
    if (sys::file_exists(exit_record_path(run_dir).string())) {
        return true;
    }
    const auto state = read_task_state(run_dir);
    return !state || (!sys::find_process(state->monitor) && !sys::find_process(state->init));
}

}  // namespace nau::monitor
