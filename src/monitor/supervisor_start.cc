// From the start message to the reply.

#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "base/parse.h"
#include "monitor/supervisor.h"
#include "monitor/task_state.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/terminal.h"

namespace nau::monitor {

namespace {

using std::chrono::steady_clock;

constexpr size_t kMaxConfig = 16 * 1024 * 1024;
/// How long a predecessor may take to tear its task down.
constexpr std::chrono::seconds kTearDownPatience{15};

int64_t nanoseconds(steady_clock::duration duration) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

int fd_or_none(const sys::UniqueFd& fd) noexcept {
    return fd ? fd.get() : -1;
}

/// The writer has left the offset at the end.
std::string read_whole(int fd) {
    if (::lseek(fd, 0, SEEK_SET) < 0) {
        throw SysError(errno, "seek in the start message");
    }
    return sys::read_fd(fd, kMaxConfig);
}

void write_pid_file(const std::filesystem::path& path, pid_t pid) {
    if (!path.empty()) {
        sys::write_file_atomic(
            path.string(), fmt::format("{}\n", pid), 0644, sys::Durability::relaxed);
    }
}

/// The container's processes go first when memory runs out. Needs a privilege to get below the
/// inherited value; without it things stay as they are.
void become_unlikely_oom_victim() noexcept {
    try {
        sys::write_existing("/proc/self/oom_score_adj", "-900");
    } catch (const std::exception&) {  // EACCES without CAP_SYS_RESOURCE
    }
}

}  // namespace

bool Supervisor::receive_start() {
    launcher_.warm_up();
    auto frame = reader_.receive(pending_starter_.get(), sys::kMaxMessageFds);
    if (!frame) {
        return false;
    }
    if (frame->type != FrameType::start) {
        throw Error(ErrorKind::corrupt, "monitor protocol: no start message");
    }
    start(*frame);
    return true;
}

void Supervisor::start(Frame& frame) {
    const auto arrived = steady_clock::now();
    StartDescriptors descriptors = take_config(frame);
    own_run_directory();
    launcher_.prepare(config_);
    open_log();
    if (!config_.run_dir.empty()) {
        listener_ =
            sys::listen_unix(socket_path(config_.run_dir), 0600, SOCK_SEQPACKET | SOCK_NONBLOCK);
    }
    begin_notify(descriptors);
    const auto prepared = steady_clock::now();
    launch(descriptors);
    const auto launched = steady_clock::now();
    NAU_FAIL_POINT("monitor.start.launched");
    announce(arrived, prepared, launched);
    attach_starter(descriptors);
    kept_ = std::move(descriptors);
    settle();
}

Supervisor::StartDescriptors Supervisor::take_config(Frame& frame) {
    const auto parts = split_once(frame.payload, '\n');
    if (!parts || parts->first.size() != frame.fds.size()) {
        throw Error(ErrorKind::corrupt, "monitor protocol: broken start message");
    }
    StartDescriptors descriptors;
    std::string text(parts->second);
    std::string spec;
    for (size_t i = 0; i < frame.fds.size(); ++i) {
        sys::UniqueFd& fd = frame.fds[i];
        switch (parts->first[i]) {
            case fd_role::kConfig:
                text = read_whole(fd.get());
                break;
            case fd_role::kSpec:
                spec = read_whole(fd.get());
                spec_fd_ = std::move(fd);
                break;
            case fd_role::kRootfs:
                descriptors.rootfs = std::move(fd);
                break;
            case fd_role::kInput:
                descriptors.input = std::move(fd);
                break;
            case fd_role::kOutput:
                descriptors.output = std::move(fd);
                break;
            case fd_role::kErrorOutput:
                descriptors.error_output = std::move(fd);
                break;
            case fd_role::kNetworkNamespace:
                descriptors.network_namespace = std::move(fd);
                break;
            case fd_role::kNotify:
                descriptors.notify = std::move(fd);
                break;
            case fd_role::kPreserved:
                descriptors.preserved.push_back(std::move(fd));
                break;
            default:
                throw Error(ErrorKind::corrupt, "monitor protocol: unknown descriptor");
        }
    }
    config_ = parse_monitor_config(text);
    config_.spec_text = std::move(spec);
    restarts_ = RestartSchedule(config_.restart, config_.restart_count);
    return descriptors;
}

/// From here on the directory is this monitor's: a predecessor that is still tearing down is waited
/// for, and what it left is removed.
void Supervisor::own_run_directory() {
    if (config_.run_dir.empty()) {
        return;
    }
    run_lock_ = sys::FileLock::exclusive_within(run_lock_path(config_.run_dir), kTearDownPatience);
    (void)sys::unlink_if_exists(exit_record_path(config_.run_dir).string());
    (void)sys::unlink_if_exists(stop_request_path(config_.run_dir).string());
    (void)sys::unlink_if_exists(health_state_path(config_.run_dir).string());
    (void)sys::unlink_if_exists(log_loss_path(config_.run_dir).string());
    const sys::UniqueFd diary = sys::open(
        (config_.run_dir / "monitor.log").string(), O_WRONLY | O_APPEND | O_CREAT | O_TRUNC, 0600);
    if (::dup3(diary.get(), STDERR_FILENO, 0) < 0) {
        throw SysError(errno, "dup3");
    }
}

void Supervisor::begin_notify(StartDescriptors& descriptors) {
    notify_ = std::move(descriptors.notify);
    if (notify_ && config_.notify == NotifyMode::container) {
        notify_proxy_.emplace(loop_, config_.notify_socket, notify_.get());
    }
}

Supervisor::ContainerEnds Supervisor::make_pipes(const StartDescriptors& descriptors) {
    ContainerEnds ends;
    if (config_.terminal) {
        return ends;
    }
    if (config_.log.driver == LogDriver::passthrough) {
        ends.in = descriptors.input.duplicate();
        ends.out = descriptors.output.duplicate();
        ends.err = descriptors.error_output.duplicate();
        return ends;
    }
    if (config_.stdin_open) {
        sys::Pipe pipe = sys::pipe2();
        sys::set_nonblocking(pipe.write.get(), true);
        ends.in = std::move(pipe.read);
        adopt_input(std::move(pipe.write));
    }
    const auto add_source = [this](logs::Stream stream) {
        sys::Pipe pipe = sys::pipe2();
        sys::set_nonblocking(pipe.read.get(), true);
        sources_.push_back({.fd = std::move(pipe.read), .stream = stream});
        return std::move(pipe.write);
    };
    ends.out = add_source(logs::Stream::standard_output);
    ends.err = add_source(logs::Stream::standard_error);
    return ends;
}

void Supervisor::adopt_input(sys::UniqueFd fd) {
    input_.emplace(loop_,
                   std::move(fd),
                   config_.terminal,
                   ContainerInput::Callbacks{
                       .taken = [this](auto client, size_t bytes) { return_window(client, bytes); },
                       .closed = [this] { tell_input_closed(); }});
}

void Supervisor::launch(const StartDescriptors& descriptors) {
    const ContainerEnds ends = make_pipes(descriptors);
    LaunchRequest request{
        .config = &config_,
        .rootfs_fd = fd_or_none(descriptors.rootfs),
        .network_namespace_fd = fd_or_none(descriptors.network_namespace),
        .preserved_fds = {},
        .stdio = {
            .in = fd_or_none(ends.in), .out = fd_or_none(ends.out), .err = fd_or_none(ends.err)}};
    for (const sys::UniqueFd& fd : descriptors.preserved) {
        request.preserved_fds.push_back(fd.get());
    }
    task_ = launcher_.launch(request);
    began_ = steady_clock::now();
    started_at_ = SystemClock().now();
    if (task_->console) {
        adopt_terminal();
    }
}

void Supervisor::adopt_terminal() {
    console_ = task_->console.get();
    sys::set_nonblocking(console_, true);
    hold_terminal_open();
    sources_.push_back({.fd = task_->console.duplicate(), .stream = logs::Stream::standard_output});
    adopt_input(task_->console.duplicate());
}

TaskState Supervisor::make_state() const {
    TaskState state{.id = config_.id,
                    .monitor = self_,
                    .cgroup_path = launcher_.cgroup_path(),
                    .started_at = started_at_,
                    .is_restarting = is_between_runs_,
                    .restart_count = restarts_.count()};
    if (task_) {
        state.init = {.pid = task_->pid, .start_time = task_->start_time};
    }
    if (is_between_runs_) {
        state.last_exit_code = record_->exit_code;
        state.last_finished_at = record_->finished_at;
    }
    return state;
}

/// Where others look for the container, and in the journal; here and not by the starter, so that no
/// container dies before it has started.
void Supervisor::record_start() {
    if (!config_.run_dir.empty()) {
        write_task_state(config_.run_dir, make_state());
    }
    write_pid_file(config_.pid_file, task_->pid);
    if (!config_.exec) {  // of which the starter tells
        write_event({.time = started_at_, .action = "start", .attributes = config_.attributes});
    }
}

void Supervisor::announce(steady_clock::time_point arrived,
                          steady_clock::time_point prepared,
                          steady_clock::time_point launched) {
    record_start();
    write_pid_file(config_.monitor_pid_file, self_.pid);
    NAU_FAIL_POINT("monitor.start.before_reply");
    const StartReply reply{.init = {.pid = task_->pid, .start_time = task_->start_time},
                           .monitor = self_,
                           .cgroup_path = launcher_.cgroup_path(),
                           .started_at = started_at_,
                           .warnings = task_->warnings,
                           .prepare_ns = nanoseconds(prepared - arrived),
                           .launch_ns = nanoseconds(launched - prepared),
                           .finish_ns = nanoseconds(steady_clock::now() - launched)};
    // A starter that has died is no reason to stop: the container is somebody else's wish.
    const int error = try_send_frame(pending_starter_.get(), FrameType::started, to_json(reply));
    if (error != 0) {
        NAU_LOG_WARN("starter: {}, ignoring", errno_text(error));
    }
}

void Supervisor::attach_starter(StartDescriptors& descriptors) {
    Connection& client = add_connection(std::move(pending_starter_));
    const bool is_attached = config_.attach_output || config_.attach_error_output ||
                             descriptors.output || descriptors.error_output;
    client.state = {.is_starter = true,
                    .is_attached = true,
                    .is_greeted = true,
                    .wants_exit = true,
                    .owns_input = config_.stdin_open && is_attached};
    client.queue().set_wants(
        {.output = config_.attach_output && !descriptors.output,
         .error_output = config_.attach_error_output && !descriptors.error_output,
         .is_lossless = true});
    const auto add_direct = [this](sys::UniqueFd fd, logs::Stream stream) {
        if (fd) {
            direct_outputs_.push_back(std::make_unique<DirectOutput>(
                loop_, std::move(fd), stream, log_ ? &*log_ : nullptr));
        }
    };
    if (config_.log.driver != LogDriver::passthrough) {
        add_direct(std::move(descriptors.output), logs::Stream::standard_output);
        add_direct(std::move(descriptors.error_output), logs::Stream::standard_error);
    }
}

/// What can wait until the starter has its answer.
void Supervisor::settle() {
    if (listener_) {
        loop_.add_fd(listener_.get(), EPOLLIN, [this](uint32_t) { accept_client(); });
    }
    begin_run();
    config_.spec_text = {};
    if (config_.restart.mode == RestartMode::no && !config_.health) {
        spec_fd_.reset();
        kept_.network_namespace.reset();
        kept_.preserved.clear();
    }
    if (config_.restart.mode == RestartMode::no) {
        // Passed through, they are the container's: its end is theirs.
        kept_.input.reset();
        kept_.output.reset();
        kept_.error_output.reset();
    }
    become_unlikely_oom_victim();
}

/// What belongs to one run and ends with it.
void Supervisor::begin_run() {
    watch_sources(true);
    if (config_.timeout) {
        timeout_timer_ = loop_.add_timer(*config_.timeout, [this] {
            own_cause_ = ExitCause::timeout;
            signal_task(SIGKILL);
        });
    }
    begin_health();
}

/// The start failed: nothing may be left of it but the record.
void Supervisor::reject(const std::exception& failure) noexcept {
    const ErrorReply reply = make_error_reply(failure);
    if (task_ && !record_) {
        kill_task();
    }
    try {
        record_ = ExitRecord{.id = config_.id,
                             .exit_code = reply.exit_code,
                             .cause = ExitCause::start_failed,
                             .finished_at = SystemClock().now(),
                             .error = reply.text};
        if (run_lock_) {
            (void)try_write_record();  // the starter hears of the failure in any case
        }
        stop_listening();
        if (pending_starter_) {
            send_frame(pending_starter_.get(), FrameType::error, to_json(reply));
        }
    } catch (const std::exception& error) {
        NAU_LOG_WARN("{}, ignoring", error.what());
    }
    launcher_.tear_down();
    release_run_directory();
}

}  // namespace nau::monitor
