#pragma once

// All that a monitor must know, sent by the CLI in the start message. The monitor has no settings
// file, no environment and no database of its own.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <signal.h>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/health.h"
#include "monitor/notify.h"
#include "monitor/restart_policy.h"
#include "runtime/rootfs.h"
#include "sys/process.h"
#include "sys/terminal.h"

namespace nau::monitor {

enum class LogDriver {
    k8s_file,
    json_file,
    journald,
    passthrough,  ///< the container has the starter's own streams
    none,
};

std::string_view to_string(LogDriver driver) noexcept;
/// The word of --log-driver; passthrough-tty is passthrough here. @throws Error{invalid}
LogDriver parse_log_driver(std::string_view word);

struct LogConfig {
    LogDriver driver = LogDriver::k8s_file;
    /// The file, or the journal's socket.
    std::filesystem::path path{};
    /// Of one file; 0: unbounded.
    uint64_t max_size_bytes = 16 * 1024 * 1024;
    uint32_t max_files = 3;
    /// Old files.
    bool compresses = false;
    std::string tag{};

    bool is_file() const noexcept {
        return driver == LogDriver::k8s_file || driver == LogDriver::json_file;
    }
    friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

/// An exec session: another process in a running container.
struct ExecConfig {
    /// The container's init.
    sys::ProcessId target{};
    /// The "process" object of the runtime spec.
    std::string process_json{};
    /// Of whom the events tell.
    std::string container_id{};
    friend bool operator==(const ExecConfig&, const ExecConfig&) = default;
};

using sys::WindowSize;

struct MonitorConfig {
    /// Container id; of an exec session, the session's.
    std::string id{};
    // For events only.
    std::string namespace_name = "default";
    std::string name{};
    std::string image{};
    /// Attributes of the died event (labels).
    std::map<std::string, std::string> attributes{};

    /// containers/<id>: where state, exit record and socket are put. It exists. Empty for an exec
    /// session that nobody can attach to.
    std::filesystem::path run_dir{};
    /// The runtime spec: a file, or the text itself when it is not empty. In an exec session it is
    /// the container's.
    std::filesystem::path spec_path{};
    std::string spec_text{};
    /// What relative paths of the spec (root.path) are relative to; empty: the spec's directory.
    std::filesystem::path bundle{};

    LogConfig log{};
    bool terminal = false;
    WindowSize window{};
    /// -i: the container's stdin is a pipe (or the terminal); otherwise /dev/null.
    bool stdin_open = false;
    /// The container's stdin ends when the first client that sends to it ends.
    bool stdin_once = false;

    /// nau as process 1 of the container (--init).
    bool init = false;

    /// What the starter wants to see in frames once the task runs: all false for -d; a stream for
    /// which a descriptor is given (StartFds) does not come in frames. What it sends as input is
    /// taken in any case.
    bool attach_output = true;
    bool attach_error_output = true;

    RestartPolicy restart{};
    /// How often it was started again before (RestartCount of the record).
    uint64_t restart_count = 0;
    /// How to mount the root again for another start; nullopt: the spec's root.path, or it is
    /// started once only.
    std::optional<runtime::RootfsSpec> rootfs{};

    std::optional<HealthConfig> health{};

    /// What SIGTERM to the monitor means for the container.
    int stop_signal = SIGTERM;
    /// How long after it the container is killed, when the monitor ends it by itself.
    std::chrono::nanoseconds stop_timeout = std::chrono::seconds(10);
    /// Killed after this long.
    std::optional<std::chrono::nanoseconds> timeout{};

    /// The container's cgroup, as `runtime/cgroup` names it; empty: as the spec says.
    std::string cgroup_path{};
    /// systemd instead of cgroupfs.
    bool systemd_cgroup = false;

    /// Host files that get the pids; empty: none.
    std::filesystem::path pid_file{};
    std::filesystem::path monitor_pid_file{};

    /// events/journal.jsonl; empty: no events.
    std::filesystem::path journal_path{};
    /// Spawned at the end unless the client that started the container acknowledges that it cleans
    /// up; argv[0] is the name, the program is the monitor's own binary. Empty: nothing.
    std::vector<std::string> cleanup_command{};

    /// Who says over StartFds::notify that the container is ready: `container` through a socket
    /// that the monitor makes at notify_socket, or `healthy`.
    NotifyMode notify = NotifyMode::ignore;
    std::filesystem::path notify_socket{};

    std::optional<ExecConfig> exec{};

    friend bool operator==(const MonitorConfig&, const MonitorConfig&) = default;
};

/// All but spec_text, which travels beside it (protocol.h).
std::string to_json(const MonitorConfig& config);
/// @throws Error{corrupt}
MonitorConfig parse_monitor_config(std::string_view text);

}  // namespace nau::monitor
