#pragma once

// Starting a task: from a runtime spec and a root file system to a running first process.
//
//   build_init_plan()   pure: everything that can be decided beforehand
//   launch()            opens what the plan names, clone3, hands over, waits until execve succeeded
//   child.cc            walks the plan in the new process
//
// The caller must be single-threaded (asserted) and stays the parent: it reaps. sync.h draws who
// waits for whom.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"
#include "runtime/cgroup/cgroup.h"
#include "sys/unique_fd.h"

namespace nau::runtime {

/// Descriptors that become 0, 1 and 2; borrowed. Negative: /dev/null of the host.
struct StdioFds {
    int in = -1;
    int out = -1;
    int err = -1;
};

struct LaunchedTask {
    pid_t pid = -1;           ///< in the caller's pid namespace
    sys::UniqueFd pidfd;      ///< a child of the caller, to be reaped by it
    uint64_t start_time = 0;  ///< clock ticks since boot, field 22 of /proc/<pid>/stat
    sys::UniqueFd console;    ///< the pty's master, if a terminal was asked for
    /// What was not done as asked and yet did not stop the start ("rlimit RLIMIT_NOFILE …").
    std::vector<std::string> warnings;
};

struct LaunchOptions {
    const oci::RuntimeSpec* spec = nullptr;  ///< required
    std::string id;                          ///< names the session keyring and the errors
    int rootfs_fd = -1;  ///< of open_rootfs(); borrowed. Negative: spec.root.path
    /// Where relative paths of the spec (root.path, bind sources) begin; empty: refused.
    std::string bundle;

    /// Unused when spec.process.terminal: then the child opens a pty in the container's own devpts
    /// and LaunchedTask::console is its master.
    StdioFds stdio;
    /// Become 3, 4, … in this order; borrowed.
    std::vector<int> preserved_fds;

    /// Already created; null: the task stays in the caller's groups.
    const cgroup::CgroupManager* cgroup = nullptr;

    /// A network namespace made beforehand (borrowed); joined instead of what the spec says.
    int network_namespace_fd = -1;

    /// nau as process 1 of the container: forwards signals to the command and reaps orphans.
    bool init = false;

    /// A FIFO opened O_RDWR (borrowed): the child waits for one byte there before it executes the
    /// command, and launch() returns as soon as it waits. That is how create and start are two
    /// commands: whoever opens the FIFO and writes a byte starts the task. Negative: starts at
    /// once.
    int start_fifo_fd = -1;

    /// Called when everything is set up and the child waits: the place to write down who it is.
    /// Without an answer (the caller was killed, or this throws) the child ends, so that no process
    /// is ever left that nobody knows of. `pidfd` is not the callee's to take.
    std::function<void(LaunchedTask&)> before_start;

    /// The task stays in the caller's session keyring instead of getting its own.
    bool keeps_keyring = false;

    /// The caller's loop ends with it: SIGKILL for the task when the calling thread ends.
    bool kill_with_parent = false;
};

/// What was being done when a start failed. The values travel in messages: append only.
enum class Step : uint32_t {
    prepare = 1,  ///< in the parent, before clone3
    clone,
    join_cgroup,
    join_namespace,
    id_maps,
    new_session,
    mount_propagation,
    attach_rootfs,
    pivot_root,
    mount_target,
    mount,
    mount_options,
    device,
    symlink,
    masked_path,
    readonly_path,
    readonly_root,
    sysctl,
    hostname,
    terminal,
    stdio,
    rlimit,
    oom_score_adj,
    scheduler,
    io_priority,
    personality,
    memory_policy,
    time_offsets,
    keyring,
    security_label,
    hooks,
    seccomp,
    groups,
    user,
    capabilities,
    no_new_privileges,
    working_directory,
    close_fds,
    signals,
    find_command,
    exec,
    wait_for_start,
    init_process,
    died,  ///< ended before execve without saying why
    loopback,
};

/// "join_cgroup" …
std::string_view to_string(Step step) noexcept;

/// A start that failed: text names step and object ("mount proc on /proc: Operation not permitted",
/// "exec /bin/x: No such file or directory"). No process is left.
class LaunchError : public Error {
  public:
    LaunchError(Step step, int error, const std::string& object);

    /// More that is known about it, at the end of the text.
    void append(std::string_view text);

    Step step() const noexcept { return step_; }
    /// 0 when no system call failed (Step::died).
    int error() const noexcept { return error_; }

  private:
    Step step_;
    int error_;
};

/// The exit status that the field's conventions give to a failed start: 127 when the command does
/// not exist (ENOENT, ENOTDIR at find_command or exec), 126 when it cannot be invoked (EACCES,
/// EISDIR, ENOEXEC, EPERM …  there), 125 for everything else.
int exit_code(Step step, int error) noexcept;
inline int exit_code(const LaunchError& error) noexcept {
    return exit_code(error.step(), error.error());
}

/// Returns when the command runs (or waits at start_fifo_fd).
/// @throws LaunchError; Error{invalid} naming the member of the spec that makes no sense;
/// Error{unsupported} naming what this kernel or this version cannot do
LaunchedTask launch(const LaunchOptions& options);

}  // namespace nau::runtime
