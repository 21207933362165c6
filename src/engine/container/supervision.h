#pragma once

// What the engine knows of a monitor's work beyond one run of a container: restarts, and how the
// last run ended. Internal to the engine.

#include <optional>

#include "engine/container/locked_container.h"
#include "monitor/config.h"
#include "monitor/exit_record.h"
#include "monitor/health.h"
#include "storage/store.h"

namespace nau::engine {

class Engine;
struct ContainerConfig;

/// The state as the run directory tells it, for a container whose recorded first process is not
/// (or no longer) the one that runs: another one after a restart, or none until the next.
storage::ContainerState supervised_state(storage::Store& store,
                                         const storage::ContainerId& id,
                                         const storage::ContainerState& stored);

/// It has ended and its monitor, which lives, will start it again.
bool is_restarting(const storage::ContainerState& state) noexcept;

struct TaskEnd {
    /// The monitor starts it again, or has done so.
    bool goes_on = false;
    /// nullopt: nobody knows.
    std::optional<monitor::ExitRecord> record{};
};
/// After the end of the first process: waits for its monitor's word.
TaskEnd await_end(storage::Store& store,
                  const storage::ContainerId& id,
                  const storage::ContainerState& state);

/// The record that is there now, without waiting; also of a run that was to be followed by another.
std::optional<monitor::ExitRecord> known_end(storage::Store& store, const storage::ContainerId& id);

/// The first process has ended and its monitor was gone before: what the kernel still tells goes
/// into the exit record. @param init was opened while it ran
void note_unseen_end(storage::Store& store,
                     const storage::ContainerId& id,
                     const storage::ContainerState& state,
                     int init) noexcept;

/// No restart will follow, and the record will say that a user wanted the end.
void forbid_restart(storage::Store& store, const storage::ContainerId& id);

/// Kills whatever runs and ends the supervision, until nothing is left to settle.
void end_at_once(Engine& engine, LockedContainer& locked);
/// Of a container between two runs.
void end_between_runs(Engine& engine, const storage::ContainerSummary& container);
/// Reads the state again after a change. false when the container is gone.
bool refresh(Engine& engine, LockedContainer& locked);

// --- what is kept of the last end when the run directory goes

void keep_last_end(storage::Store& store,
                   const storage::ContainerId& id,
                   const std::optional<monitor::ExitRecord>& record) noexcept;
std::optional<monitor::ExitRecord> read_last_end(storage::Store& store,
                                                 const storage::ContainerId& id) noexcept;
/// Of the running container, or as it was when it ended.
std::optional<monitor::HealthState> read_health(storage::Store& store,
                                                const storage::ContainerId& id) noexcept;

/// Restart policy, health check and their like, for the monitor.
void add_supervision(monitor::MonitorConfig& monitor_config,
                     const ContainerConfig& config,
                     const runtime::RootfsSpec& rootfs);

}  // namespace nau::engine
