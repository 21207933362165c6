#pragma once

// From a record to a running task: the root file system as a detached mount, the container's /etc
// files, a monitor that launches it. Internal to the engine; run_container.h has the verbs.
//
//   StartingMonitor early;                     its exec overlaps with the caller's work
//   RunningTask task = start_task(…);          run directory ─▶ mount ─▶ monitor ─▶ record
//   `running` attach_foreground(…) or nothing            (detached: the monitor is on its own)

#include <memory>
#include <optional>
#include <string>

#include "engine/container/container_config.h"
#include "engine/container/run_container.h"
#include "monitor/client.h"
#include "storage/store.h"

namespace nau::engine {

class Engine;

/// Starts a monitor before it is known what it has to do.
monitor::MonitorClient spawn_monitor(monitor::MonitorKind kind);

/// Its root file system as a detached mount: what a start gives to the monitor, and what may be
/// looked at and written to while it does not run. Ids are those inside.
/// @throws Error{in_use} when it belongs to a user namespace and is mounted for people to look at
sys::UniqueFd open_container_rootfs(storage::Store& store, const storage::Container& record);

/// The same as the container will have it: ids are those outside. What a power cut took away is
/// unpacked again.
sys::UniqueFd open_outer_rootfs(Engine& engine,
                                const storage::Container& record,
                                const ContainerConfig& config);

struct StartRequest {
    const storage::Container& record;
    const ContainerConfig& config;
    /// Foreground: what the caller connects. nullopt: detached.
    std::optional<AttachOptions> attach;
    std::vector<int> preserved_fds{};
    ServiceManager service{};
};

/// @throws Error{invalid} naming a descriptor that is not open
void check_preserved_fds(const std::vector<int>& fds);

struct StartedTask {
    monitor::StartReply reply;
    /// Of the task as it was recorded.
    storage::ContainerState state;
};

/// Leaves nothing behind on failure but the record, as it was. @param lock on the container
/// @throws monitor::StartError with the exit status that the failure means, Error
StartedTask start_task(Engine& engine,
                       const storage::ContainerLock& lock,
                       monitor::MonitorClient& client,
                       const StartRequest& request);

}  // namespace nau::engine
