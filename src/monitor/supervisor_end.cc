// From the end of init to the end of the monitor. The order is the promise:
//
//   reap ─▶ kill what is left ─▶ drain the output ─▶ exit record ─▶ journal ─▶ tell the clients
//        ─▶ tear down (slow) ─▶ release the run directory ─▶ clean-up, unless a client does it

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "events/journal.h"
#include "monitor/supervisor.h"
#include "sys/file.h"

namespace nau::monitor {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How long the starter may take to say that it cleans up.
constexpr seconds kAcknowledgePatience{5};
/// How long a client that is not the starter may take to read the rest.
constexpr seconds kLateReaderPatience{10};
constexpr int kRecordAttempts = 30;
/// More than a terminal can hold.
constexpr size_t kTerminalRest = 1024 * 1024;

size_t capacity_of(int fd) noexcept {
    const int size = ::fcntl(fd, F_GETPIPE_SZ);
    return size > 0 ? static_cast<size_t>(size) : kTerminalRest;
}

}  // namespace

void Supervisor::finish(const sys::ExitStatus& status) {
    loop_.cancel_timer(timeout_timer_);
    loop_.cancel_timer(kill_timer_);
    end_health();
    launcher_.kill_rest();
    drain();
    record_ = make_record(status);
    input_.reset();
    if (!begin_restart()) {
        publish();
    }
}

/// Everything that init wrote is in the pipes now. A process that has outlived it may go on
/// writing: no more is read than a pipe can hold, so that it ends.
void Supervisor::drain() {
    for (Source& source : sources_) {
        loop_.remove_fd(source.fd.get());
        size_t left = source.fd ? capacity_of(source.fd.get()) : 0;
        while (left > 0) {
            const ssize_t count = sys::retry(
                [&] { return ::read(source.fd.get(), buffer(), std::min(left, kMaxChunk)); });
            if (count <= 0) {
                break;
            }
            deliver(source.stream, {buffer(), static_cast<size_t>(count)});
            left -= static_cast<size_t>(count);
        }
    }
    finish_journal();
    if (notify_proxy_) {
        notify_proxy_->pass_on();
    }
    sources_.clear();
    terminal_slave_.reset();
    console_ = -1;
}

ExitRecord Supervisor::make_record(const sys::ExitStatus& status) {
    const TaskFigures figures = launcher_.figures();
    ExitRecord record{.id = config_.id,
                      .exit_code = status.shell_code(),
                      .signal = status.signal,
                      .cause = ExitCause::exited,
                      .oom_killed = figures.oom_killed,
                      .restart_count = restarts_.count(),
                      .started_at = started_at_,
                      .finished_at = SystemClock().now(),
                      .memory_peak_bytes = figures.memory_peak_bytes,
                      .cpu_ns = figures.cpu_ns,
                      .io_read_bytes = figures.io_read_bytes,
                      .io_written_bytes = figures.io_written_bytes,
                      .log_lost_bytes = lost_log_bytes()};
    if (own_cause_) {
        record.cause = *own_cause_;
    } else if (!config_.run_dir.empty() &&
               sys::file_exists(stop_request_path(config_.run_dir).string())) {
        record.cause = ExitCause::user;
    } else if (status.signal == SIGKILL && figures.oom_killed) {
        record.cause = ExitCause::oom;
    } else if (status.is_signaled()) {
        record.cause = ExitCause::signaled;
    }
    return record;
}

bool Supervisor::try_write_record() noexcept {
    if (config_.run_dir.empty()) {
        return true;
    }
    try {
        write_exit_record(config_.run_dir, *record_);
        return true;
    } catch (const SysError& error) {
        NAU_LOG_WARN("exit record: {}", error.text());
        return error.error() == ENOENT;  // the directory has gone: nobody wants it
    } catch (const std::exception& error) {
        NAU_LOG_WARN("exit record: {}", error.what());
        return false;
    }
}

void Supervisor::publish() {
    if (!try_write_record() && ++record_attempts_ < kRecordAttempts) {
        (void)loop_.add_timer(seconds(1), [this] { publish(); });
        return;
    }
    // Not before: who is refused here must find the record. Not later: the name is the next
    // monitor's as soon as the lock is released.
    stop_listening();
    write_events();
    is_published_ = true;
    tell_clients();
    launcher_.tear_down();
    kept_ = {};
    release_run_directory();
    (void)loop_.add_timer(kAcknowledgePatience, [this] { clean_up(); });
    (void)loop_.add_timer(kLateReaderPatience, [this] {
        for (const auto& client : connections_) {
            client->state.is_gone = client->state.is_gone || !client->state.is_starter;
        }
    });
}

void Supervisor::stop_listening() noexcept {
    if (listener_) {
        loop_.remove_fd(listener_.get());
        listener_.reset();
        (void)::unlink(socket_path(config_.run_dir).c_str());  // nobody listens there any more
    }
}

/// The next monitor of this container may begin.
void Supervisor::release_run_directory() noexcept {
    stop_compressing();
    if (run_lock_) {
        (void)::unlink(run_lock_path(config_.run_dir).c_str());  // who waits for it looks again
        run_lock_.reset();
    }
}

void Supervisor::write_events() noexcept {
    if (record_->oom_killed) {
        write_event(
            {.time = record_->finished_at, .action = "oom", .attributes = config_.attributes});
    }
    auto attributes = config_.attributes;
    attributes["cause"] = to_string(record_->cause);
    const auto add = [&](const char* name, const auto& value) {
        if (value) {
            attributes[name] = fmt::format("{}", *value);
        }
    };
    add("exitCode", record_->exit_code);
    add("memoryPeakBytes", record_->memory_peak_bytes);
    add("cpuNs", record_->cpu_ns);
    add("ioReadBytes", record_->io_read_bytes);
    add("ioWrittenBytes", record_->io_written_bytes);
    if (record_->log_lost_bytes != 0) {
        attributes["logLostBytes"] = fmt::format("{}", record_->log_lost_bytes);
    }
    if (record_->signal != 0) {
        attributes["signal"] = fmt::format("{}", record_->signal);
    }
    write_event({.time = record_->finished_at,
                 .action = config_.exec ? "exec_died" : "died",
                 .attributes = std::move(attributes)});
}

/// Completes the event with what it is about.
void Supervisor::write_event(events::Event event) noexcept {
    if (config_.journal_path.empty()) {
        return;
    }
    try {
        event.namespace_name = config_.namespace_name;
        event.type = events::EventType::container;
        event.id = config_.exec ? config_.exec->container_id : config_.id;
        event.name = config_.name;
        event.image = config_.image;
        events::Journal(config_.journal_path).append(event);
    } catch (const std::exception& error) {
        NAU_LOG_WARN("journal: {}, ignoring", error.what());
    }
}

bool Supervisor::direct_outputs_are_done() {
    const bool are_done = std::ranges::all_of(
        direct_outputs_, [](const auto& output) { return output->queue().is_idle(); });
    if (are_done) {
        direct_outputs_.clear();  // whoever reads them sees the end
    }
    return are_done;
}

/// Each client hears of the end behind the last byte of output.
void Supervisor::tell_end(Connection& client, bool outputs_are_done) {
    Connection::State& state = client.state;
    if (state.has_been_told || (state.is_starter && !outputs_are_done)) {
        return;
    }
    state.has_been_told = true;
    if (state.is_greeted && state.wants_exit) {
        client.queue().finish(FrameType::exited, to_json(*record_));
    } else {
        state.is_gone = true;
    }
}

void Supervisor::tell_clients() {
    const bool outputs_are_done = direct_outputs_are_done();
    for (const auto& client : connections_) {
        tell_end(*client, outputs_are_done);
    }
}

void Supervisor::clean_up() {
    if (is_cleaned_up_) {
        return;
    }
    is_cleaned_up_ = true;
    if (config_.cleanup_command.empty()) {
        return;
    }
    try {
        const sys::UniqueFd self = sys::open("/proc/self/exe", O_PATH);
        sys::SpawnOptions options;
        options.executable_fd = self.get();
        options.argv = config_.cleanup_command;
        options.stdin_fd = sys::SpawnOptions::kNull;
        options.stdout_fd = sys::SpawnOptions::kNull;
        options.stderr_fd = sys::SpawnOptions::kInherit;  // monitor.log
        options.env = ordinary_environment();
        options.cwd = "/";
        options.new_session = true;
        (void)sys::spawn(options).detach();  // it outlives us
    } catch (const std::exception& error) {
        NAU_LOG_WARN("clean-up: {}, ignoring; the next command does it", error.what());
    }
}

bool Supervisor::is_done() {
    if (!is_published_) {
        return false;
    }
    tell_clients();
    Connection* client = starter();
    if (client != nullptr && client->state.has_acknowledged) {
        is_cleaned_up_ = true;
    }
    if (client == nullptr || is_hurried_) {
        clean_up();
    }
    if (is_hurried_) {
        return true;
    }
    return is_cleaned_up_ && std::ranges::all_of(connections_, [](const auto& other) {
               return other->state.is_gone || other->queue().is_finished();
           });
}

void Supervisor::kill_task() noexcept {
    try {
        (void)sys::send_signal(task_->pidfd.get(), SIGKILL);  // false: it has ended already
        (void)sys::wait_pidfd(task_->pidfd.get(), seconds(10));
        launcher_.kill_rest();
    } catch (const std::exception& error) {
        NAU_LOG_WARN("{}, ignoring", error.what());
    }
}

/// Something that must not happen has happened. Nobody would look after the container any more, so
/// it ends too, and the record says why.
void Supervisor::give_up(const std::string& reason) noexcept {
    NAU_LOG_WARN("giving up: {}", reason);
    try {
        if (task_ && !record_) {
            kill_task();
            drain();
            record_ = make_record({.code = 0, .signal = SIGKILL});
            record_->cause = ExitCause::monitor_failed;
            record_->error = reason;
        }
        if (record_ && !is_published_) {
            (void)try_write_record();  // no second chance
            stop_listening();
            write_events();
            tell_clients();
        }
        launcher_.tear_down();
        release_run_directory();
        clean_up();
    } catch (const std::exception& error) {
        NAU_LOG_WARN("{}, ignoring", error.what());
    }
}

}  // namespace nau::monitor
