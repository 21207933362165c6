#pragma once

// The CLI's side of a monitor.
//
//   auto client = MonitorClient::spawn(self, MonitorKind::container);  // early: its exec overlaps
//   … database work …                                                  // with the CLI's own work
//   AttachSession session(options);          // foreground: takes the signals over, so that none
//   client.send_start(config, fds);          // is lost between start and attach
//   StartReply reply = client.wait_started();
//   … record `running` …
//   AttachResult result = session.run(client.channel());               // foreground
//   // or: let `client` go out of scope                                // -d
//
// A MonitorClient that is destroyed before send_start() makes the monitor end without a trace. One
// that is destroyed later leaves the container to its monitor.

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/config.h"
#include "monitor/detach_keys.h"
#include "monitor/exit_record.h"
#include "monitor/health.h"
#include "monitor/output_target.h"
#include "monitor/protocol.h"
#include "monitor/task_state.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace nau::monitor {

enum class MonitorKind { container, exec };

/// Descriptors that travel with the start message; borrowed, -1: none.
struct StartFds {
    /// The mounted root filesystem (a detached mount), if the caller has it.
    int rootfs = -1;
    /// Foreground without a terminal: the caller's own stdout and stderr, as direct_output() made
    /// them, to which the monitor writes itself beside the log. Without them output comes in
    /// frames.
    int output = -1;
    int error_output = -1;
    /// With the log driver passthrough, `output` and `error_output` are the caller's own as they
    /// are, the container gets them itself, and this is its input.
    int input = -1;
    /// A network namespace made beforehand.
    int network_namespace = -1;
    /// Become 3, 4, … in the container (--preserve-fds).
    std::vector<int> preserved{};
    /// Connected to the service manager's NOTIFY_SOCKET.
    int notify = -1;
};

class MonitorClient {
  public:
    /// Starts the process. `executable_fd` is runtime's open_protected_self(). The monitor's
    /// standard descriptors are /dev/null. @throws SysError
    static MonitorClient spawn(int executable_fd, MonitorKind kind);

    /// @throws SysError (EPIPE: the monitor has died)
    void send_start(const MonitorConfig& config, const StartFds& fds = {});
    /// The container's command is running when it returns (its execve has succeeded).
    /// @throws StartError with the monitor's reason; Error{internal} when the monitor died
    StartReply wait_started();

    /// The socket, as an attached client's.
    int channel() const noexcept { return socket_.get(); }
    sys::UniqueFd release_channel() noexcept { return std::move(socket_); }
    /// Of the monitor process.
    int monitor_pidfd() const noexcept { return pidfd_.get(); }

  private:
    MonitorClient(sys::UniqueFd socket, sys::UniqueFd pidfd) noexcept
        : socket_(std::move(socket)), pidfd_(std::move(pidfd)) {}

    sys::UniqueFd socket_;
    sys::UniqueFd pidfd_;
};

// --- attaching

struct AttachOptions {
    /// Borrowed; -1: not connected.
    int input = -1;
    int output = 1;
    int error_output = 2;
    /// The container has a terminal: ours (if `input` is one) is made raw, and its size follows.
    bool terminal = false;
    DetachKeys detach_keys{};
    /// Signals that we receive go to the container.
    bool forward_signals = true;
    /// Answer `exited` with exit_acknowledged: the caller cleans up.
    bool acknowledge_exit = false;
};

struct AttachResult {
    enum class End {
        exited,         ///< see `exit`
        detached,       ///< the keys were typed
        output_closed,  ///< our output cannot be written: `error`; for EPIPE the caller dies of
                        ///< SIGPIPE, as any program would
        monitor_lost,   ///< the monitor died without a word
        lagged,         ///< we were too slow and the monitor let us go
        interrupted,    ///< a deadly signal came and signals are not forwarded: `signal`
    };
    End end{};
    std::optional<ExitRecord> exit{};
    int signal = 0;
    int error = 0;
};

/// The foreground: pumps between the user's descriptors and a monitor. The constructor blocks the
/// signals that are to be forwarded, the destructor restores the mask and the terminal.
/// @pre no other thread runs, or it blocks all signals
class AttachSession {
  public:
    explicit AttachSession(AttachOptions options);
    ~AttachSession();
    AttachSession(const AttachSession&) = delete;
    AttachSession& operator=(const AttachSession&) = delete;
    AttachSession(AttachSession&&) = delete;
    AttachSession& operator=(AttachSession&&) = delete;

    /// Returns when the container has ended and all its output is written, or earlier as
    /// AttachResult says. `channel` is borrowed. @throws SysError
    AttachResult run(int channel);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// --- other clients, by run directory

struct Attachment {
    sys::UniqueFd channel{};
    Accepted accepted{};
};

/// Connects to a running container's monitor. nullopt when nobody listens (it has ended, or its
/// monitor has died). @throws SysError, Error
std::optional<Attachment> connect(const std::filesystem::path& run_dir, const Hello& hello);

/// The container's exit record: at once when it exists, else when its monitor reports it. nullopt
/// when `timeout` (negative: none) passes, or when the monitor is gone without a record.
/// @throws SysError
std::optional<ExitRecord> wait_exit(const std::filesystem::path& run_dir,
                                    std::chrono::milliseconds timeout);

/// The monitor sends it to init; false when nobody listens.
bool send_signal(const std::filesystem::path& run_dir, int signal);
/// For `nau container resize`; false when nobody listens.
bool resize(const std::filesystem::path& run_dir, WindowSize size);
/// Makes a health check; the state after it. nullopt when nobody listens, or there is none to make.
std::optional<HealthState> check_health(const std::filesystem::path& run_dir);
/// After an outside logrotate; false when nobody listens.
bool reopen_log(const std::filesystem::path& run_dir);

}  // namespace nau::monitor
