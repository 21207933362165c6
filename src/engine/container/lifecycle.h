#pragma once

// Ending and removing containers: stop, kill, wait, rm, and the clean-up that follows every end.
// All of them are idempotent; each finishes what another, or a crash, has left half done.

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/container/run_container.h"

namespace nau::engine {

class Engine;

struct StopOptions {
    std::optional<std::chrono::seconds> timeout;  ///< absent: the container's own; 0: kill at once
    std::string signal;                           ///< empty: the container's stop signal
};

/// Sends the stop signal, waits, kills. Stopping one that does not run is no error.
void stop_container(Engine& engine, const std::string& name_or_id, const StopOptions& options);

/// @throws Error{invalid} when it does not run or the signal is unknown
void kill_container(Engine& engine, const std::string& name_or_id, const std::string& signal);

/// Waits until it does not run; returns its status at once when it does not. code is absent if
/// unknown.
ExitStatus wait_container(Engine& engine, const std::string& name_or_id);

struct RemoveOptions {
    bool is_forced = false;        ///< running ones are killed first; a missing one is no error
    bool removes_volumes = false;  ///< anonymous volumes
    std::optional<std::chrono::seconds> timeout;  ///< with is_forced: stop gracefully first
};

/// Returns the id. @throws Error{not_found}, {in_use} when it runs and is_forced is not set
std::string remove_container(Engine& engine,
                             const std::string& name_or_id,
                             const RemoveOptions& options);

/// Freezes everything in the container. @throws Error{invalid} when it does not run or is paused
void pause_container(Engine& engine, const std::string& name_or_id);
/// @throws Error{invalid} when it is not paused
void unpause_container(Engine& engine, const std::string& name_or_id);

/// @throws Error{already_exists}, {invalid} for a name that cannot be one
void rename_container(Engine& engine, const std::string& name_or_id, const std::string& name);

/// Looks for everything that a start needs: layers, volumes, host paths.
/// @throws Error naming what is missing; {invalid} when it runs
void init_container(Engine& engine, const std::string& name_or_id);

/// Ids of the containers that share namespaces with this one or were created with --requires of it,
/// and those that depend on them: each before what it depends on.
std::vector<std::string> dependents_of(Engine& engine, const std::string& name_or_id);

/// Of these containers, removes at once all that do not run and need nothing but to be removed, and
/// returns the words that named them; the others are for remove_container(). A thousand take a
/// tenth of a second: one transaction for many, and the directories are deleted by the upkeep.
std::vector<std::string> remove_ended_containers(Engine& engine,
                                                 std::span<const std::string> names,
                                                 const RemoveOptions& options);

/// What the monitor runs at the end when no client waits (`nau container cleanup ID`).
void cleanup_container(Engine& engine, const std::string& id);

}  // namespace nau::engine
