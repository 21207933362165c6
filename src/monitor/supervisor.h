#pragma once

// The monitor's work between start and exit record: the task, its stdio and log, the clients. One
// thread, one event loop; no call in it may block on a client or on the container.

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "events/event.h"
#include "logs/journal_writer.h"
#include "logs/writer.h"
#include "monitor/config.h"
#include "monitor/connection.h"
#include "monitor/container_input.h"
#include "monitor/exit_record.h"
#include "monitor/footprint.h"
#include "monitor/health.h"
#include "monitor/health_probe.h"
#include "monitor/launcher.h"
#include "monitor/log_compressor.h"
#include "monitor/notify.h"
#include "monitor/protocol.h"
#include "monitor/restart_policy.h"
#include "monitor/task_state.h"
#include "runtime/launch.h"
#include "sys/event_loop.h"
#include "sys/lock_file.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace nau::monitor {

class Supervisor {
  public:
    /// Borrows the launcher, takes the starter's socket.
    Supervisor(Launcher& launcher, sys::UniqueFd starter);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;
    Supervisor(Supervisor&&) = delete;
    Supervisor& operator=(Supervisor&&) = delete;

    /// Waits for the start message and does everything that follows. Once it knows the run
    /// directory it does not return without an exit record. The exit status of the process, which
    /// is the container's.
    int run() noexcept;

  private:
    /// A stream of the container and the descriptor it comes from.
    struct Source {
        sys::UniqueFd fd;
        logs::Stream stream;
        bool is_watched = false;
    };
    struct StartDescriptors {
        sys::UniqueFd rootfs;
        sys::UniqueFd input;
        sys::UniqueFd output;
        sys::UniqueFd error_output;
        sys::UniqueFd network_namespace;
        std::vector<sys::UniqueFd> preserved;
        sys::UniqueFd notify;
    };
    /// The container's ends of the pipes, until it is launched.
    struct ContainerEnds {
        sys::UniqueFd in;
        sys::UniqueFd out;
        sys::UniqueFd err;
    };

    // --- start
    bool receive_start();
    void start(Frame& frame);
    StartDescriptors take_config(Frame& frame);
    void own_run_directory();
    ContainerEnds make_pipes(const StartDescriptors& descriptors);
    void open_log();
    void adopt_input(sys::UniqueFd fd);
    void begin_notify(StartDescriptors& descriptors);
    void launch(const StartDescriptors& descriptors);
    void adopt_terminal();
    TaskState make_state() const;
    void record_start();
    void announce(std::chrono::steady_clock::time_point arrived,
                  std::chrono::steady_clock::time_point prepared,
                  std::chrono::steady_clock::time_point launched);
    void attach_starter(StartDescriptors& descriptors);
    void settle();
    void begin_run();
    void reject(const std::exception& failure) noexcept;

    // --- while it runs
    void supervise();
    void rest();
    char* buffer();
    void handle_signal(int signal);
    void reap();
    void watch_sources(bool on);
    void read_source(Source& source);
    void hold_terminal_open();
    void accept_client();
    void handle_readable(Connection& client);
    void handle_frame(Connection& client, const Frame& frame);
    void greet(Connection& client, const Hello& hello);
    void handle_input(Connection& client, std::string_view bytes);
    void return_window(Connection::Id id, size_t bytes);
    void tell_input_closed();
    void signal_task(int signal);
    void kill_task() noexcept;
    Connection& add_connection(sys::UniqueFd socket);
    Connection* find_connection(Connection::Id id) noexcept;
    Connection* starter() noexcept;
    void tidy();
    void let_go(Connection& client);
    void drop_broken_outputs();
    void update_back_pressure();

    // --- log
    void deliver(logs::Stream stream, std::string_view bytes);
    uint64_t lost_log_bytes() const noexcept;
    void tell_of_loss() noexcept;
    void watch_journal();
    void flush_journal();
    void finish_journal();
    void compress_old_logs(bool is_anybody_lagging);
    void finish_compressing(const sys::ExitStatus& status);
    void stop_compressing() noexcept;

    // --- health
    void begin_health();
    void end_health() noexcept;
    void schedule_check();
    void run_check();
    void finish_check();
    void act_on_health(HealthAction action);
    void answer_health_clients();
    void tell_manager_of_health();

    // --- from one run to the next
    bool begin_restart();
    void start_again();
    void tell_attached_clients();

    // --- end
    void finish(const sys::ExitStatus& status);
    void drain();
    ExitRecord make_record(const sys::ExitStatus& status);
    void publish();
    bool try_write_record() noexcept;
    void write_events() noexcept;
    void write_event(events::Event event) noexcept;
    void tell_clients();
    void tell_end(Connection& client, bool outputs_are_done);
    bool direct_outputs_are_done();
    void stop_listening() noexcept;
    void release_run_directory() noexcept;
    void clean_up();
    bool is_done();
    void give_up(const std::string& reason) noexcept;

    Launcher& launcher_;
    sys::EventLoop loop_;
    FrameReader reader_;
    /// kMaxChunk bytes, or none yet.
    std::unique_ptr<char[]> buffer_;
    Footprint footprint_;
    MonitorConfig config_;
    sys::ProcessId self_;
    std::optional<sys::FileLock> run_lock_;

    /// One of them, or none.
    std::optional<logs::LogWriter> log_;
    std::optional<logs::JournalWriter> journal_;
    bool is_journal_watched_ = false;
    sys::EventLoop::TimerId journal_timer_ = 0;
    bool has_told_of_loss_ = false;
    std::optional<LogCompressor> compressor_;
    std::vector<Source> sources_;
    /// Keeps the terminal alive while the container has closed it.
    sys::UniqueFd terminal_slave_;
    int console_ = -1;
    bool is_paused_ = false;
    std::optional<ContainerInput> input_;

    sys::UniqueFd pending_starter_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<std::unique_ptr<DirectOutput>> direct_outputs_;
    sys::UniqueFd listener_;
    Connection::Id next_id_ = 1;

    std::optional<runtime::LaunchedTask> task_;
    Time started_at_{};
    std::chrono::steady_clock::time_point began_{};
    /// Why it is being ended, when the monitor does it.
    std::optional<ExitCause> own_cause_;
    sys::EventLoop::TimerId timeout_timer_ = 0;
    sys::EventLoop::TimerId kill_timer_ = 0;

    // Kept for another start and for health checks.
    sys::UniqueFd spec_fd_;
    StartDescriptors kept_;
    RestartSchedule restarts_;
    sys::EventLoop::TimerId restart_timer_ = 0;
    /// The container has ended and will be started again; record_ is that of the last run.
    bool is_between_runs_ = false;
    /// The next start is made whatever the policy says.
    bool must_restart_ = false;
    /// No restart any more: the monitor was told to end.
    bool is_ending_ = false;

    /// Towards the service manager.
    sys::UniqueFd notify_;
    std::optional<NotifyProxy> notify_proxy_;

    std::optional<HealthTracker> health_;
    std::unique_ptr<HealthProbe> probe_;
    sys::EventLoop::TimerId health_timer_ = 0;

    std::optional<ExitRecord> record_;
    int record_attempts_ = 0;
    /// The record is safe and the clients may know.
    bool is_published_ = false;
    /// A client does it, or the command has been spawned.
    bool is_cleaned_up_ = false;
    /// A signal came after the end: nobody is waited for.
    bool is_hurried_ = false;
};

}  // namespace nau::monitor
