#pragma once

// Whether a container runs, and what is left to do when it does not: where the stored state meets
// the kernel's. Internal to the engine; the verbs are built from these.

#include <chrono>
#include <optional>
#include <string>

#include "engine/container/run_container.h"
#include "monitor/exit_record.h"
#include "runtime/cgroup/cgroup.h"
#include "storage/store.h"
#include "sys/unique_fd.h"

namespace nau::engine {

class Engine;

/// @throws Error{not_found} naming the word
storage::ContainerId find_container(Engine& engine, const std::string& name_or_id);

/// The stored state, or what the monitor noted in the run directory when the command that started
/// the task was killed before it could record it. All verbs see containers through this.
storage::ContainerState known_state(storage::Store& store,
                                    const storage::ContainerId& id,
                                    const storage::ContainerState& stored);

/// The record with its known state. @throws Error{not_found}
storage::Container get_container(storage::Store& store, const storage::ContainerId& id);
/// nullopt when it is gone.
std::optional<storage::ContainerSummary> find_summary(storage::Store& store,
                                                      const storage::ContainerId& id);

/// The first process as a verified pidfd; nullopt: it does not run, whatever the record says.
std::optional<sys::UniqueFd> find_init(storage::Store& store, const storage::ContainerState& state);

/// The container, with a first process that runs (and may be paused).
/// @throws Error{not_found}; Error{invalid} saying what it is instead
storage::ContainerSummary get_running_container(Engine& engine, const std::string& name_or_id);

/// What a monitor that was killed would have removed: the container's control groups, and whoever
/// is still in them.
void remove_left_cgroup(storage::Store& store, const storage::ContainerId& id) noexcept;

/// The control groups of the task; nullptr when there is none, or none is known.
std::unique_ptr<runtime::cgroup::CgroupManager> open_cgroup_of(storage::Store& store,
                                                               const storage::ContainerId& id);

/// The state as it is: a stored `running` whose process is gone reads `exited`, with the recorded
/// code where there is an exit record. Changes nothing.
storage::ContainerState actual_state(storage::Store& store,
                                     const storage::ContainerId& id,
                                     const storage::ContainerState& stored);

/// Brings the record, the control groups and the run directory in line with the kernel after the
/// end of a task, and removes the container when it was started with --rm. Does nothing while it
/// runs. Idempotent; whoever comes first does it.
void settle_container(Engine& engine,
                      storage::ContainerLock& lock,
                      const storage::ContainerSummary& container);

enum class AnonymousVolumes { keep, remove };

/// Removes every trace; those of --rm lose their anonymous volumes in any case.
/// @pre it does not run
void delete_container(Engine& engine,
                      storage::ContainerLock& lock,
                      const storage::ContainerSummary& container,
                      AnonymousVolumes volumes = AnonymousVolumes::keep);

/// Kills everything in the container's control groups, and its first process, and waits for the
/// end.
void kill_task(Engine& engine, const storage::ContainerSummary& container);

/// A paused task takes no notice of a signal: lets it go on, to its end.
void thaw_for_end(storage::Store& store, const storage::ContainerSummary& container);

ExitStatus to_exit_status(const storage::ContainerState& state);

}  // namespace nau::engine
