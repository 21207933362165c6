#include "engine/container/supervision.h"

#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "engine/container/container_config.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "monitor/task_state.h"
#include "sys/exit_info.h"
#include "sys/file.h"
#include "sys/process.h"

namespace nau::engine {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using storage::ContainerState;
using storage::ContainerStatus;

/// Between the end of the first process and the exit record the monitor only drains output.
constexpr std::chrono::seconds kRecordPatience{10};
/// A monitor that is told to end has a control group to remove and a record to write.
constexpr std::chrono::seconds kEndPatience{15};
constexpr milliseconds kStep{10};
/// For the reaper of a process that its monitor has left behind.
constexpr milliseconds kReaperPatience{300};
constexpr size_t kMaxRecord = 64 * 1024;

}  // namespace

bool is_restarting(const ContainerState& state) noexcept {
    return state.status == ContainerStatus::restarting;
}

ContainerState supervised_state(storage::Store& store,
                                const storage::ContainerId& id,
                                const ContainerState& stored) {
    const auto run_dir = store.paths().container_run(id);
    const auto task = monitor::read_task_state(run_dir);
    if (!task || (task->init == stored.init && !task->is_restarting)) {
        return stored;
    }
    ContainerState state;
    state.status = ContainerStatus::running;
    state.init = task->init;
    state.monitor = task->monitor;
    state.boot_id = store.boot_id();
    state.started_at = task->started_at;
    state.restart_count = static_cast<int64_t>(task->restart_count);
    if (task->is_restarting && sys::find_process(task->monitor)) {
        state.status = ContainerStatus::restarting;
        state.finished_at = task->last_finished_at;
        state.exit_code = task->last_exit_code;
    }
    return state;
}

std::optional<monitor::ExitRecord> known_end(storage::Store& store,
                                             const storage::ContainerId& id) {
    const auto run_dir = store.paths().container_run(id);
    if (auto record = monitor::read_exit_record(run_dir)) {
        return record;
    }
    const auto task = monitor::read_task_state(run_dir);
    if (!task || !task->is_restarting) {
        return std::nullopt;
    }
    return monitor::ExitRecord{.id = task->id,
                               .exit_code = task->last_exit_code,
                               .cause = monitor::ExitCause::unknown,
                               .monitor_lost = true,
                               .restart_count = task->restart_count,
                               .started_at = task->started_at,
                               .finished_at = task->last_finished_at.value_or(task->started_at),
                               .error = "the monitor was lost before it could start it again"};
}

TaskEnd await_end(storage::Store& store,
                  const storage::ContainerId& id,
                  const ContainerState& state) {
    const auto run_dir = store.paths().container_run(id);
    const auto deadline = steady_clock::now() + kRecordPatience;
    for (;;) {
        // Asked before the files are read: what a monitor that is gone has left is complete.
        const auto monitor_fd =
            state.boot_id == store.boot_id() ? sys::find_process(state.monitor) : std::nullopt;
        if (auto record = monitor::read_exit_record(run_dir)) {
            return {.goes_on = false, .record = std::move(record)};
        }
        if (!monitor_fd || steady_clock::now() > deadline) {
            return {.goes_on = false, .record = known_end(store, id)};
        }
        const auto task = monitor::read_task_state(run_dir);
        if (task && (task->is_restarting || task->init != state.init)) {
            return {.goes_on = true};
        }
        (void)sys::wait_ended(monitor_fd->get(), kStep);
    }
}

/// The kernel tells it once the process was reaped, which whoever inherited it does in a moment.
std::optional<sys::ExitStatus> await_exit_status(int pidfd) {
    const auto deadline = steady_clock::now() + kReaperPatience;
    for (;;) {
        auto status = sys::exit_status_of(pidfd);
        if (status || steady_clock::now() > deadline) {
            return status;
        }
        std::this_thread::sleep_for(kStep);
    }
}

void note_unseen_end(storage::Store& store,
                     const storage::ContainerId& id,
                     const ContainerState& state,
                     int init) noexcept {
    try {
        const auto run_dir = store.paths().container_run(id);
        if (sys::find_process(state.monitor) || monitor::read_exit_record(run_dir)) {
            return;
        }
        const auto status = await_exit_status(init);
        if (!status) {
            return;
        }
        const bool was_asked_for = sys::file_exists(monitor::stop_request_path(run_dir).string());
        monitor::write_exit_record(run_dir,
                                   {.id = id.to_string(),
                                    .exit_code = status->shell_code(),
                                    .signal = status->signal,
                                    .cause = was_asked_for           ? monitor::ExitCause::user
                                             : status->is_signaled() ? monitor::ExitCause::signaled
                                                                     : monitor::ExitCause::exited,
                                    .monitor_lost = true,
                                    .restart_count = static_cast<uint64_t>(state.restart_count),
                                    .started_at = state.started_at,
                                    .finished_at = store.clock().now(),
                                    .error = "the monitor was lost; the kernel told how it ended"});
    } catch (const std::exception& error) {
        NAU_LOG_WARN("how {} ended: {}, ignoring", id.short_id(), error.what());
    }
}

void forbid_restart(storage::Store& store, const storage::ContainerId& id) {
    monitor::request_stop(store.paths().container_run(id));
}

bool refresh(Engine& engine, LockedContainer& locked) {
    auto container = find_summary(engine.store_for_writing(), locked.container.id);
    if (container) {
        locked.container = *std::move(container);
    }
    return container.has_value();
}

void end_between_runs(Engine& engine, const storage::ContainerSummary& container) {
    storage::Store& store = engine.store_for_writing();
    const auto run_dir = store.paths().container_run(container.id);
    forbid_restart(store, container.id);
    const auto monitor_fd = sys::find_process(container.state.monitor);
    if (!monitor_fd) {
        return;
    }
    (void)sys::send_signal(monitor_fd->get(), SIGTERM);
    const auto deadline = steady_clock::now() + kEndPatience;
    while (!monitor::read_exit_record(run_dir)) {
        // It may have been in the middle of a start when the request came.
        const auto task = monitor::read_task_state(run_dir);
        if (task && !task->is_restarting && sys::find_process(task->init)) {
            return;
        }
        if (sys::wait_ended(monitor_fd->get(), kStep)) {
            return;
        }
        if (steady_clock::now() > deadline) {
            throw Error(ErrorKind::timed_out,
                        "the monitor of container {} does not end",
                        container.id.short_id())
                .with_hint("its log is monitor.log in the run directory");
        }
    }
}

void end_at_once(Engine& engine, LockedContainer& locked) {
    storage::Store& store = engine.store_for_writing();
    forbid_restart(store, locked.container.id);
    while (is_restarting(locked.container.state) || find_init(store, locked.container.state)) {
        if (is_restarting(locked.container.state)) {
            end_between_runs(engine, locked.container);
        } else {
            kill_task(engine, locked.container);
        }
        settle_container(engine, locked.lock, locked.container);
        if (!refresh(engine, locked)) {
            return;
        }
    }
}

void keep_last_end(storage::Store& store,
                   const storage::ContainerId& id,
                   const std::optional<monitor::ExitRecord>& record) noexcept {
    try {
        const auto keep = [](const std::filesystem::path& path, const std::string& text) {
            sys::make_directories(path.parent_path(), 0700);
            sys::write_file_atomic(path.string(), text, 0600, sys::Durability::relaxed);
        };
        if (record) {
            keep(store.paths().container_last_end(id), monitor::to_json(*record) + "\n");
        } else {
            (void)sys::unlink_if_exists(store.paths().container_last_end(id).string());
        }
        if (const auto health = monitor::read_health_state(store.paths().container_run(id))) {
            keep(store.paths().container_last_health(id), monitor::to_json(*health) + "\n");
        }
    } catch (const std::exception& error) {
        NAU_LOG_WARN("keeping how {} ended: {}, ignoring", id.short_id(), error.what());
    }
}

std::optional<monitor::ExitRecord> read_last_end(storage::Store& store,
                                                 const storage::ContainerId& id) noexcept {
    try {
        // Until somebody settles it, its monitor's own record is the last one.
        if (auto record = monitor::read_exit_record(store.paths().container_run(id))) {
            return record;
        }
        const auto text =
            sys::read_file_if_exists(store.paths().container_last_end(id).string(), kMaxRecord);
        return text ? std::optional(monitor::parse_exit_record(*text)) : std::nullopt;
    } catch (const std::exception& error) {
        NAU_LOG_WARN("how {} ended: {}, ignoring", id.short_id(), error.what());
        return std::nullopt;
    }
}

std::optional<monitor::HealthState> read_health(storage::Store& store,
                                                const storage::ContainerId& id) noexcept {
    if (auto health = monitor::read_health_state(store.paths().container_run(id))) {
        return health;
    }
    try {
        const auto text = sys::read_file_if_exists(store.paths().container_last_health(id).string(),
                                                   size_t{4} << 20U);
        return text ? std::optional(monitor::parse_health_state(*text)) : std::nullopt;
    } catch (const std::exception&) {  // it tells nothing that anybody needs
        return std::nullopt;
    }
}

void add_supervision(monitor::MonitorConfig& monitor_config,
                     const ContainerConfig& config,
                     const runtime::RootfsSpec& rootfs) {
    monitor_config.restart = monitor::parse_restart_policy(config.restart_policy);
    monitor_config.health = config.health;
    monitor_config.stop_timeout = std::chrono::seconds(config.stop_timeout_seconds);
    if (monitor_config.restart.mode != monitor::RestartMode::no || config.health) {
        monitor_config.rootfs = rootfs;
    }
}

}  // namespace nau::engine
