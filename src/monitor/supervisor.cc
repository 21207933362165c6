// The running part: output, input, clients, signals. Start and end have files of their own.

#include "monitor/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/terminal.h"

namespace nau::monitor {

namespace {

/// Whoever connects more often than this gets nothing.
constexpr size_t kMaxConnections = 256;

/// Idle for so long, a monitor goes to sleep: soon after the start, later not at each pause of a
/// container that writes now and then.
constexpr std::chrono::milliseconds kFirstPatience{50};
constexpr std::chrono::milliseconds kPatience{2000};

}  // namespace

Supervisor::Supervisor(Launcher& launcher, sys::UniqueFd starter)
    : launcher_(launcher), self_(sys::own_process_id()), pending_starter_(std::move(starter)) {
    // SIGPIPE and SIGXFSZ: the failing write says it better.
    loop_.add_signals(
        {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ},
        [this](const signalfd_siginfo& info) { handle_signal(static_cast<int>(info.ssi_signo)); });
}

Supervisor::~Supervisor() {
    for (const Source& source : sources_) {
        loop_.remove_fd(source.fd.get());
    }
    loop_.remove_fd(listener_.get());
}

int Supervisor::run() noexcept {
    try {
        if (!receive_start()) {
            return 0;  // the starter has changed its mind
        }
    } catch (const std::exception& failure) {
        reject(failure);
        return 1;
    }
    try {
        supervise();
        // A service manager whose main process this is wants to know how the service ended.
        return record_->exit_code.value_or(1);
    } catch (const std::exception& failure) {
        give_up(failure.what());
    } catch (...) {
        give_up("unknown exception");
    }
    return 1;
}

void Supervisor::supervise() {
    auto patience = kFirstPatience;
    tidy();
    while (!is_done()) {
        if (sys::poll(loop_.fd(), POLLIN, patience) == 0) {
            rest();
            patience = kPatience;
        }
        (void)loop_.run_once(std::chrono::milliseconds(0));  // never stopped
        tidy();
    }
}

/// Nothing has happened for a while: sleeps with as little memory as possible.
void Supervisor::rest() {
    buffer_.reset();
    if (log_) {
        log_->release_buffer();
    }
    footprint_.sleep_until_readable(loop_.fd());
}

char* Supervisor::buffer() {
    if (!buffer_) {
        buffer_ = std::make_unique_for_overwrite<char[]>(kMaxChunk);
    }
    return buffer_.get();
}

void Supervisor::handle_signal(int signal) {
    if (signal == SIGCHLD) {
        reap();
        return;
    }
    if (signal == SIGPIPE || signal == SIGXFSZ) {
        return;
    }
    if (is_between_runs_) {
        is_ending_ = true;
        loop_.cancel_timer(restart_timer_);
        is_between_runs_ = false;
        publish();
        return;
    }
    if (record_) {
        is_hurried_ = true;
        return;
    }
    is_ending_ = is_ending_ || signal == SIGTERM;
    signal_task(signal == SIGTERM ? config_.stop_signal : signal);
}

void Supervisor::reap() {
    // As a subreaper this is the parent of every orphan of the task that has no init of its own.
    while (const auto child = sys::reap_any_child()) {
        if (task_ && !record_ && child->pid == task_->pid) {
            finish(child->status);
        } else if (probe_ && child->pid == probe_->pid()) {
            finish_check();
        } else if (compressor_ && child->pid == compressor_->pid()) {
            finish_compressing(child->status);
        }
    }
}

void Supervisor::signal_task(int signal) {
    if (!task_ || record_) {
        return;
    }
    try {
        (void)sys::send_signal(task_->pidfd.get(), signal);  // false: it is about to be reaped
    } catch (const SysError& error) {
        NAU_LOG_WARN("signal {}: {}, ignoring", signal, error.text());
    }
}

// --- output

void Supervisor::watch_sources(bool on) {
    for (size_t i = 0; i < sources_.size(); ++i) {
        Source& source = sources_[i];
        if (source.is_watched == on || !source.fd) {
            continue;
        }
        source.is_watched = on;
        if (on) {
            loop_.add_fd(
                source.fd.get(), EPOLLIN, [this, i](uint32_t) { read_source(sources_[i]); });
        } else {
            loop_.remove_fd(source.fd.get());
        }
    }
}

void Supervisor::read_source(Source& source) {
    const ssize_t count = sys::retry([&] { return ::read(source.fd.get(), buffer(), kMaxChunk); });
    if (count > 0) {
        deliver(source.stream, {buffer(), static_cast<size_t>(count)});
        return;
    }
    if (count < 0 && errno == EAGAIN) {
        return;
    }
    if (count < 0 && errno == EIO && console_ >= 0 && !record_) {
        hold_terminal_open();
        return;
    }
    loop_.remove_fd(source.fd.get());
    source.fd.reset();
}

/// The master of a terminal that nobody has open reports a hang-up for ever. A container may close
/// its terminal and open it again (systemd does), or hang it up for all (vhangup): a slave of our
/// own keeps it alive.
void Supervisor::hold_terminal_open() {
    terminal_slave_.reset();
    terminal_slave_ = sys::open_pty_slave(console_);
}

void Supervisor::update_back_pressure() {
    watch_journal();
    bool must_wait = journal_ && journal_->is_waiting();
    bool is_anybody_lagging = false;
    std::optional<uint64_t> needed;
    const auto look_at = [&](const OutputQueue& queue) {
        must_wait = must_wait || queue.blocks();
        is_anybody_lagging = is_anybody_lagging || queue.is_lagging();
        if (const auto file = queue.needed_log_file(); file && (!needed || *file < *needed)) {
            needed = file;
        }
    };
    for (const auto& client : connections_) {
        look_at(client->queue());
    }
    for (const auto& output : direct_outputs_) {
        look_at(output->queue());
    }
    if (log_) {
        log_->keep_from(needed);
    }
    compress_old_logs(is_anybody_lagging);
    if (must_wait != is_paused_) {
        is_paused_ = must_wait;
        watch_sources(!must_wait);
    }
}

// --- clients

Connection& Supervisor::add_connection(sys::UniqueFd socket) {
    connections_.push_back(std::make_unique<Connection>(
        loop_, next_id_++, std::move(socket), log_ ? &*log_ : nullptr, [this](Connection& client) {
            handle_readable(client);
        }));
    return *connections_.back();
}

Connection* Supervisor::find_connection(Connection::Id id) noexcept {
    const auto found =
        std::ranges::find_if(connections_, [id](const auto& client) { return client->id() == id; });
    return found == connections_.end() ? nullptr : found->get();
}

Connection* Supervisor::starter() noexcept {
    const auto found = std::ranges::find_if(
        connections_, [](const auto& client) { return client->state.is_starter; });
    return found == connections_.end() ? nullptr : found->get();
}

void Supervisor::accept_client() {
    auto socket = sys::accept(listener_.get());
    if (socket && connections_.size() < kMaxConnections) {
        (void)add_connection(std::move(*socket));
    }
}

void Supervisor::handle_readable(Connection& client) {
    try {
        const auto frame = reader_.receive(client.fd());
        if (!frame) {
            client.state.is_gone = true;
            return;
        }
        handle_frame(client, *frame);
    } catch (const Error& error) {
        // A client cannot hurt anybody but itself.
        NAU_LOG_WARN("client: {}, letting it go", error.text());
        client.state.is_gone = true;
    }
}

void Supervisor::handle_frame(Connection& client, const Frame& frame) {
    if (frame.type == FrameType::hello && !client.state.is_greeted) {
        greet(client, parse_hello(frame.payload));
        return;
    }
    if (!client.state.is_greeted) {
        throw Error(ErrorKind::corrupt, "monitor protocol: no hello");
    }
    switch (frame.type) {
        case FrameType::input:
            handle_input(client, frame.payload);
            return;
        case FrameType::input_end:
            if (input_ && (config_.stdin_once || config_.terminal)) {
                input_->end();
            }
            return;
        case FrameType::resize: {
            const WindowSize size = parse_resize(frame.payload);
            if (console_ >= 0) {
                sys::set_window_size(console_, size);
            }
            return;
        }
        case FrameType::signal:
            signal_task(parse_u8(frame.payload));
            return;
        case FrameType::detach:
            client.state.has_detached = true;
            return;
        case FrameType::exit_acknowledged:
            client.state.has_acknowledged = true;
            return;
        case FrameType::check_health:
            client.state.wants_health = true;
            run_check();
            return;
        case FrameType::reopen_log:
            if (log_) {
                log_->reopen();
            }
            return;
        default:
            throw Error(ErrorKind::corrupt,
                        "monitor protocol: unexpected frame {}",
                        static_cast<int>(frame.type));
    }
}

void Supervisor::greet(Connection& client, const Hello& hello) {
    const uid_t peer = sys::peer_credentials(client.fd()).uid;
    if (peer != 0 && peer != ::geteuid()) {
        throw Error(ErrorKind::permission_denied, "user {} may not attach", peer);
    }
    client.state.is_greeted = true;
    client.state.wants_exit = hello.exit;
    client.state.owns_input = hello.input;
    client.state.is_attached = hello.input || hello.output || hello.error_output;
    client.queue().push(
        FrameType::accepted,
        to_json(Accepted{
            .init = task_ ? sys::ProcessId{.pid = task_->pid, .start_time = task_->start_time}
                          : sys::ProcessId{},
            .monitor = self_,
            .terminal = config_.terminal,
            .stdin_open = config_.stdin_open,
        }));
    client.queue().set_wants({.output = hello.output, .error_output = hello.error_output});
}

void Supervisor::handle_input(Connection& client, std::string_view bytes) {
    if (client.state.input_pending + bytes.size() > kInputWindow) {
        throw Error(ErrorKind::corrupt, "monitor protocol: input beyond the window");
    }
    if (!input_ || !input_->is_open()) {
        client.queue().push(FrameType::input_closed, {});
        return;
    }
    client.state.input_pending += static_cast<uint32_t>(bytes.size());
    input_->write(client.id(), bytes);
}

void Supervisor::return_window(Connection::Id id, size_t bytes) {
    constexpr uint32_t kWorthTelling = kInputWindow / 4;
    Connection* client = find_connection(id);
    if (client == nullptr) {
        return;
    }
    client->state.input_taken += static_cast<uint32_t>(bytes);
    if (client->state.input_taken >= kWorthTelling) {
        client->state.input_pending -= client->state.input_taken;
        client->queue().push(FrameType::input_window, encode_u32(client->state.input_taken));
        client->state.input_taken = 0;
    }
}

void Supervisor::tell_input_closed() {
    for (const auto& client : connections_) {
        if (client->state.owns_input) {
            client->queue().push(FrameType::input_closed, {});
        }
    }
}

/// What follows from a client's leaving; it is destroyed afterwards.
void Supervisor::let_go(Connection& client) {
    const Connection::State& state = client.state;
    if (client.queue().is_too_slow()) {
        (void)client.send(FrameType::lagged, {});  // if there is no room even for this, so be it
    }
    if (state.is_starter) {
        direct_outputs_.clear();
    }
    const bool ends_input = state.owns_input && !state.has_detached && config_.stdin_once;
    if (ends_input && input_ && !config_.terminal) {
        input_->end();
    }
    if (state.is_starter && state.has_acknowledged && is_published_) {
        is_cleaned_up_ = true;
    }
}

void Supervisor::drop_broken_outputs() {
    std::erase_if(direct_outputs_, [this](const auto& output) {
        const int error = output->queue().error();
        if (error == 0) {
            return false;
        }
        if (Connection* client = starter()) {
            const bool is_output = output->stream() == logs::Stream::standard_output;
            client->queue().push(
                FrameType::output_broken,
                encode_u8(is_output ? 1 : 2) + encode_u8(static_cast<uint8_t>(error)));
        }
        return true;
    });
}

/// After each round of events: who is gone is gone, and who is slow is waited for.
void Supervisor::tidy() {
    drop_broken_outputs();
    for (size_t i = 0; i < connections_.size();) {
        Connection& client = *connections_[i];
        if (client.state.is_gone || client.queue().error() != 0 || client.queue().is_too_slow()) {
            let_go(client);
            connections_.erase(connections_.begin() + static_cast<ptrdiff_t>(i));
        } else {
            ++i;
        }
    }
    if (!record_) {
        update_back_pressure();
    } else if (is_between_runs_) {
        tell_attached_clients();
    }
}

}  // namespace nau::monitor
