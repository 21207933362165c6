#pragma once

// `nau run`, `create` and `start`: the sentence "ensure the image, create, start, attach or detach,
// wait, remove if asked", and its parts.

#include <exception>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/container/service_manager.h"
#include "engine/image/progress.h"
#include "engine/spec/create_options.h"

namespace nau::engine {

class Engine;

/// How a task ended, as the command line needs it.
struct ExitStatus {
    std::optional<int> code;  ///< 0…255, 128 + n for a signal; absent: not known
    int signal = 0;
    bool was_oom_killed = false;
    bool was_detached = false;  ///< the user pressed the detach keys; the task goes on
};

struct AttachOptions {
    bool has_stdin = false;
    bool has_stdout = true;
    bool has_stderr = true;
    bool forwards_signals = true;  ///< --sig-proxy
    std::string detach_keys = "ctrl-p,ctrl-q";
};

struct RunOptions {
    CreateOptions create;
    bool is_detached = false;
    AttachOptions attach;
    std::string cid_file;            ///< --cidfile: must not exist yet
    std::vector<int> preserved_fds;  ///< become 3, 4, … in the container; borrowed
    ServiceManager service;
    /// Foreground: gets a JSON object that tells how it ended; empty: none.
    std::string result_file;
};

struct RunResult {
    std::string id;
    ExitStatus exit;  ///< meaningless when detached
};

/// @throws Error with exit_code_of_error(): 125, or 126/127 when the command inside cannot be
/// started
RunResult run_container(Engine& engine,
                        const RunOptions& options,
                        PullProgress* progress,
                        std::stop_token stop);

/// Returns the id. The record is durable when this returns.
std::string create_container(Engine& engine,
                             const CreateOptions& options,
                             PullProgress* progress,
                             std::stop_token stop);

/// Starts a created or exited container; idempotent for a running one. With `attach` it stays until
/// the end and returns how it was.
std::optional<ExitStatus> start_container(Engine& engine,
                                          const std::string& name_or_id,
                                          const std::optional<AttachOptions>& attach,
                                          const ServiceManager& service = {});

/// Attaches to a running container until it ends or the user detaches.
ExitStatus attach_container(Engine& engine,
                            const std::string& name_or_id,
                            const AttachOptions& attach);

struct ExecOptions {
    ProcessOptions process;
    bool is_privileged = false;
    bool is_detached = false;
    AttachOptions attach;
    std::vector<int> preserved_fds;  ///< become 3, 4, … in the process; borrowed
};

/// Runs a further process in a running container. @throws Error{invalid} when it does not run
ExitStatus exec_container(Engine& engine,
                          const std::string& name_or_id,
                          const ExecOptions& options);

/// 126 or 127 when `error` says that the command inside could not be started, else 125.
int exit_code_of_error(const std::exception& error) noexcept;

}  // namespace nau::engine
