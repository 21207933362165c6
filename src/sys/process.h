#pragma once

// Processes as pidfds. A bare pid is never signalled: between two looks it may have become somebody
// else. What is stored is a ProcessId, pid and start time, and find_process() turns it back into a
// verified pidfd or says that it is gone.
//
//   spawn() ─▶ Child ─ wait() ─▶ ExitStatus       the normal road
//                   ─ detach() ─▶ the pidfd       it lives on without its owner
//                   ─ destructor ─▶ SIGKILL, reap
//
// spawn() is clone(CLONE_VM | CLONE_VFORK | CLONE_PIDFD): it copies no page tables, so that it
// costs the same whatever the caller's size is, and a failing exec is reported by the call itself.

#include <chrono>
#include <cstdint>
#include <optional>
#include <signal.h>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "sys/unique_fd.h"

namespace nau::sys {

/// How a process ended: by exit (code) or by a signal.
struct ExitStatus {
    int code = 0;    ///< of exit(); 0 when a signal ended it
    int signal = 0;  ///< 0 when it exited
    bool core_dumped = false;

    bool is_success() const noexcept { return code == 0 && signal == 0; }
    bool is_signaled() const noexcept { return signal != 0; }
    /// As a shell tells it: the code, or 128 + signal.
    int shell_code() const noexcept { return signal != 0 ? 128 + signal : code; }
    friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

/// The child's descriptor `target` becomes a copy of the parent's `source` (borrowed).
struct FdMapping {
    int source;
    int target;
};

struct SpawnOptions {
    static constexpr int kInherit = -1;  ///< the caller's own
    static constexpr int kNull = -2;     ///< /dev/null

    /// What to execute: a descriptor (O_PATH will do), or a path when it is negative. PATH is not
    /// searched.
    int executable_fd = -1;
    std::string path;
    std::vector<std::string> argv;
    /// "NAME=value"; nullopt: the caller's environment.
    std::optional<std::vector<std::string>> env;

    int stdin_fd = kInherit;
    int stdout_fd = kInherit;
    int stderr_fd = kInherit;
    /// Besides 0, 1 and 2. Everything that is not named is closed in the child, close-on-exec or
    /// not.
    std::vector<FdMapping> fds;

    std::string cwd;  ///< empty: the caller's
    bool new_session = false;
    /// 0: a group of its own; another: joins that group. Not together with new_session.
    std::optional<pid_t> process_group;
    /// All dispositions default, nothing blocked. Otherwise both are inherited.
    bool reset_signals = true;
    /// Sent to the child when the calling *thread* ends; 0: none.
    int parent_death_signal = 0;
};

class [[nodiscard]] Child {
  public:
    /// Takes the pidfd of an unreaped child of this process.
    Child(pid_t pid, UniqueFd pidfd) noexcept : pid_(pid), pidfd_(std::move(pidfd)) {}
    Child(Child&& other) noexcept = default;
    Child& operator=(Child&& other) noexcept;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    pid_t pid() const noexcept { return pid_; }
    /// Readable when the process has ended; borrowed.
    int pidfd() const noexcept { return pidfd_.get(); }
    bool is_owned() const noexcept { return static_cast<bool>(pidfd_); }

    /// Waits and reaps; the Child is empty afterwards. @throws SysError
    ExitStatus wait();
    /// nullopt when it has not ended within `timeout` (zero: asks once).
    std::optional<ExitStatus> wait_within(std::chrono::milliseconds timeout);
    /// false when it has ended already. @throws SysError
    bool kill(int signal);
    /// Gives it up: nobody kills it, and somebody else (or init) reaps it.
    UniqueFd detach() noexcept { return std::move(pidfd_); }

  private:
    pid_t pid_;
    UniqueFd pidfd_;
};

/// @throws SysError naming the program and the step that failed ("execute /x: No such file or
/// directory"); no process is left then
Child spawn(const SpawnOptions& options);

// --- pidfds

/// @throws SysError (ESRCH: no such process)
UniqueFd pidfd_open(pid_t pid);
/// false when the process has ended (ESRCH). @throws SysError
bool send_signal(int pidfd, int signal);
/// Whether it has ended (a zombie has). Does not reap. @throws SysError
bool has_ended(int pidfd);
/// Waits for the end of any process, child or not; false when `timeout` (negative: none) passes
/// first. Does not reap.
bool wait_ended(int pidfd, std::chrono::milliseconds timeout);
/// Reaps a child; nullopt when it has not ended within `timeout` (negative: waits for ever).
/// @throws SysError (ECHILD: not a child)
std::optional<ExitStatus> wait_pidfd(int pidfd, std::chrono::milliseconds timeout);
/// Reaps any child that has ended: what a subreaper does. nullopt when none has (or none is left).
struct ReapedChild {
    pid_t pid;
    ExitStatus status;
};
std::optional<ReapedChild> reap_any_child();

// --- stored processes

struct ProcessId {
    pid_t pid = 0;
    uint64_t start_time = 0;  ///< clock ticks since boot: field 22 of /proc/<pid>/stat
    friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

/// nullopt when there is no such process.
std::optional<uint64_t> process_start_time(pid_t pid);
/// Field 22 of the text of /proc/<pid>/stat; the name in it may hold blanks and brackets.
std::optional<uint64_t> parse_start_time(std::string_view stat_text) noexcept;
ProcessId own_process_id();
/// Its pidfd, or nullopt when that process has ended (a zombie has) or the pid is another's by now.
std::optional<UniqueFd> find_process(const ProcessId& id);

/// Changes with every boot: start times are comparable only when it is the same.
/// @throws SysError
std::string boot_id();

// --- signals and standard descriptors of the calling process

/// All dispositions default, no signal blocked.
void reset_signals() noexcept;
/// For one signal. @throws SysError
void ignore_signal(int signal);

/// Opens /dev/null for those of 0, 1 and 2 that are closed: the first thing main() does, or a file
/// that is opened later would get the number and receive what is meant for the terminal.
void ensure_standard_fds();

}  // namespace nau::sys
