#pragma once

// What a monitor needs of the runtime, as a seam: monitor_main() uses the real one, the unit tests
// one that starts ordinary processes and needs no privileges.
//
//   prepare ─▶ launch ─▶ (the task runs) ─▶ kill_rest ─▶ figures ─▶ tear_down
//      └── failure at any step ──────────────────────────────────────▲

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "monitor/config.h"
#include "monitor/protocol.h"
#include "runtime/launch.h"

namespace nau::monitor {

struct LaunchRequest {
    const MonitorConfig* config = nullptr;
    int rootfs_fd = -1;
    int network_namespace_fd = -1;
    std::vector<int> preserved_fds;
    runtime::StdioFds stdio;
};

/// A further process in the running container.
struct InsideRequest {
    const MonitorConfig* config = nullptr;
    std::string_view spec_text;
    std::vector<std::string> argv;
    sys::ProcessId target;
    runtime::StdioFds stdio;
};

/// What the task has used, asked after its end.
struct TaskFigures {
    bool oom_killed = false;
    std::optional<uint64_t> memory_peak_bytes;
    std::optional<uint64_t> cpu_ns;
    std::optional<uint64_t> io_read_bytes;
    std::optional<uint64_t> io_written_bytes;
};

class Launcher {
  public:
    Launcher() = default;
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;
    Launcher(Launcher&&) = delete;
    Launcher& operator=(Launcher&&) = delete;
    virtual ~Launcher() = default;

    /// Before a config is there, while the starter is still busy: whatever can be found out
    /// already.
    virtual void warm_up() noexcept = 0;
    /// Reads the spec, makes the control groups. @throws Error
    virtual void prepare(const MonitorConfig& config) = 0;
    /// The command runs when it returns. @throws Error
    virtual runtime::LaunchedTask launch(const LaunchRequest& request) = 0;
    /// As runtime/cgroup names it; empty: none.
    virtual std::string cgroup_path() const = 0;

    /// In a process of its own (health_probe.h), whose end is the command's end too. @throws Error
    virtual runtime::LaunchedTask launch_inside(const InsideRequest& request) = 0;
    virtual bool is_frozen() noexcept = 0;

    /// Init has ended: ends what else belongs to the task and would live on.
    virtual void kill_rest() noexcept = 0;
    virtual TaskFigures figures() noexcept = 0;
    /// The slow part, when everybody has been told.
    virtual void tear_down() noexcept = 0;
};

/// What the starter is told of an exception that ended a start.
ErrorReply make_error_reply(const std::exception& failure);

std::unique_ptr<Launcher> make_runtime_launcher();

}  // namespace nau::monitor
