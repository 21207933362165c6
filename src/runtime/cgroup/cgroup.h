#pragma once

// The control groups of one task. Linux offers them in three layouts, found by looking at the
// mounts once:
//
//   v2      one tree with all controllers
//   v1      one tree per controller
//   hybrid  v1 trees, and a v2 tree without controllers (joined too, for cgroup.kill and
//   cgroup.events)
//
// A CgroupManager is a task's place in them; several instances for the same path may exist in
// several processes, there is no state but the kernel's.
//
//   detect_layout() ─ open_cgroup(layout, "/nau/<id>") ─ create(resources) ─▶ join (launch, exec)
//        ─▶ freeze/thaw, kill, figures, update(resources) ─▶ remove()
//
// Limits whose controller is missing are refused before anything is started, naming the controller
// and the remedy; what is not asked for costs nothing.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "oci/runtime_spec.h"
#include "sys/unique_fd.h"

namespace nau::runtime::cgroup {

enum class Mode { none, v1, hybrid, v2 };

std::string_view to_string(Mode mode) noexcept;

/// A mounted v1 hierarchy.
struct Hierarchy {
    std::vector<std::string> controllers;  ///< "cpu" and "cpuacct" may share one
    std::string name;                      ///< of a named one ("systemd"); empty otherwise
    std::string mount_point;               ///< "/sys/fs/cgroup/memory"
    std::string mount_root;                ///< "/" unless this process sees a part of it
    std::string own_path;                  ///< this process's group in it, relative to the mount
};

/// What is mounted on this machine, as this process sees it.
struct Layout {
    Mode mode = Mode::none;
    std::vector<Hierarchy> hierarchies;  ///< v1 and hybrid
    std::string unified_mount;           ///< v2 and hybrid; empty otherwise
    std::string unified_own_path;
    std::vector<std::string> unified_controllers;  ///< v2: cgroup.controllers of the root
    /// For groups made with it: also in the v1 hierarchies that only keep figures, for engines that
    /// read those themselves.
    bool joins_accounting = false;
};

/// Reads /proc/self/mountinfo and /proc/self/cgroup once. @throws SysError
Layout detect_layout();
/// The pure part of it, for tests.
Layout parse_layout(std::string_view mountinfo, std::string_view self_cgroup);

struct MemoryFigures {
    uint64_t usage_bytes = 0;
    std::optional<uint64_t> peak_bytes;  ///< v1; v2 with Linux ≥ 5.19
    std::optional<uint64_t> limit_bytes;
    std::optional<uint64_t> swap_bytes;
    std::optional<uint64_t> inactive_file_bytes;
};

struct CpuFigures {
    std::chrono::nanoseconds total{};
    std::chrono::nanoseconds user{};
    std::chrono::nanoseconds system{};
    uint64_t periods = 0;
    uint64_t throttled_periods = 0;
    std::chrono::nanoseconds throttled{};
};

struct BlockIoFigures {
    uint64_t read_bytes = 0;
    uint64_t written_bytes = 0;
    uint64_t reads = 0;
    uint64_t writes = 0;
};

/// Files that the single-threaded child writes "0" to (v1) or a directory for CLONE_INTO_CGROUP
/// (v2): all that launch and exec need to know.
struct JoinTargets {
    sys::UniqueFd clone_into;  ///< v2 and hybrid's unified tree
    std::vector<sys::UniqueFd> tasks_files;
};

/// For the event loop: add `fd` with `epoll_events`; when it fires, call acknowledge() and ask
/// oom_kill_count(). It also fires when the group is removed.
struct OomWatch {
    sys::UniqueFd fd;
    uint32_t epoll_events = 0;

    void acknowledge() const noexcept;
};

class CgroupManager {
  public:
    virtual ~CgroupManager() = default;
    CgroupManager() = default;
    CgroupManager(const CgroupManager&) = delete;
    CgroupManager& operator=(const CgroupManager&) = delete;
    CgroupManager(CgroupManager&&) = delete;
    CgroupManager& operator=(CgroupManager&&) = delete;

    virtual Mode mode() const noexcept = 0;
    virtual const Layout& layout() const noexcept = 0;
    /// The part of it in which this group exists: what a container is to see.
    virtual Layout joined_layout() const = 0;
    /// As given to open_cgroup().
    virtual const std::string& path() const noexcept = 0;
    virtual bool exists() const = 0;

    /// Makes the groups and sets the limits. An existing empty group (a left-over) is used; one
    /// with processes is Error{in_use}. On failure nothing new is left.
    /// @throws Error{unsupported} naming the controller that is missing; Error{invalid} naming the
    /// member of resources that the kernel refuses
    virtual void create(const oci::spec::Resources& resources) = 0;
    /// Changes the limits that are present in `resources`.
    virtual void update(const oci::spec::Resources& resources) = 0;

    /// @pre create() was called by somebody
    virtual JoinTargets open_join_targets() const = 0;
    /// Moves another process in. Slow on v1 (waits for an RCU grace period per hierarchy); launch
    /// and exec use the join targets instead.
    virtual void add_process(pid_t pid) = 0;

    /// Of the group and all below it, threads' leaders only, sorted.
    virtual std::vector<pid_t> processes() const = 0;
    virtual bool is_empty() const = 0;

    /// SIGKILL to everything in the group and below; returns when the signals are sent.
    virtual void kill_all() = 0;
    /// Sends another signal to every process (not atomic).
    void signal_all(int signal) const;

    virtual void freeze() = 0;
    virtual void thaw() = 0;
    virtual bool is_frozen() const = 0;

    // Figures are absent when their controller is.
    virtual std::optional<MemoryFigures> memory() const = 0;
    /// Of memory().peak_bytes alone: what is asked when a task has ended.
    virtual std::optional<uint64_t> memory_peak_bytes() const = 0;
    virtual std::optional<CpuFigures> cpu() const = 0;
    virtual std::optional<uint64_t> pids() const = 0;
    virtual std::optional<BlockIoFigures> block_io() const = 0;

    /// How many processes of the group the OOM killer has killed since it exists.
    virtual std::optional<uint64_t> oom_kill_count() const = 0;
    /// Absent where there is no memory controller.
    virtual std::optional<OomWatch> watch_oom() const = 0;

    /// Removes the groups and all below them; kills what is left in them, and waits for it to go,
    /// at most `patience`. Absent is fine. @throws Error{in_use} naming a group that stays
    virtual void remove(std::chrono::milliseconds patience = std::chrono::seconds(5)) = 0;
};

/// `path` is absolute within the hierarchies as they are mounted here ("/nau/<id>"), without "..".
/// @throws Error{invalid}; Error{unsupported} when no cgroup file system is mounted
std::unique_ptr<CgroupManager> open_cgroup(const Layout& layout, std::string_view path);

}  // namespace nau::runtime::cgroup
