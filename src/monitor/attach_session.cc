#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "monitor/client.h"
#include "sys/terminal.h"

namespace nau::monitor {

namespace {

/// Held for a slow output before the monitor is made to wait.
constexpr size_t kMaxBacklog = 256 * 1024;

/// Not forwarded: what cannot be caught, what tells of faults of our own, what the kernel sends to
/// us about our own children and pipes, and job control of background reads and writes.
bool is_forwarded(int signal) noexcept {
    constexpr std::array kKept = {SIGKILL,
                                  SIGSTOP,
                                  SIGCHLD,
                                  SIGPIPE,
                                  SIGURG,
                                  SIGTTIN,
                                  SIGTTOU,
                                  SIGSEGV,
                                  SIGBUS,
                                  SIGFPE,
                                  SIGILL,
                                  SIGABRT,
                                  SIGTRAP,
                                  SIGSYS,
                                  SIGWINCH};
    const bool is_of_libc = signal > SIGSYS && signal < SIGRTMIN;
    return !is_of_libc && std::find(kKept.begin(), kKept.end(), signal) == kKept.end();
}

/// Without forwarding: what would end us, so that the terminal is restored first.
bool is_deadly(int signal) noexcept {
    return signal == SIGHUP || signal == SIGINT || signal == SIGQUIT || signal == SIGTERM;
}

sigset_t signals_to_take(bool forwards) noexcept {
    sigset_t set;
    (void)sigemptyset(&set);  // cannot fail, nor can the following
    (void)sigaddset(&set, SIGWINCH);
    (void)sigaddset(&set, SIGCONT);
    (void)sigaddset(&set, SIGPIPE);
    for (int signal = 1; signal <= SIGRTMAX; ++signal) {
        if (forwards ? is_forwarded(signal) : is_deadly(signal)) {
            (void)sigaddset(&set, signal);
        }
    }
    return set;
}

/// What the container wrote, on its way to one of the user's descriptors.
class Outlet {
  public:
    explicit Outlet(int fd) : target_(fd), is_open_(fd >= 0) {}

    /// 0, or the errno that ends it.
    int write(std::string_view bytes) {
        if (!is_open_) {
            return 0;
        }
        if (!backlog_.empty()) {
            backlog_ += bytes;
            return 0;
        }
        return write_now(bytes);
    }
    int flush() {
        std::string bytes = std::move(backlog_);
        backlog_.clear();
        return write_now(bytes);
    }
    size_t backlog() const noexcept { return backlog_.size(); }
    pollfd poll_entry() const noexcept {
        return {backlog_.empty() ? -1 : target_.fd(), POLLOUT, 0};
    }

  private:
    int write_now(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t count = target_.write_some(bytes);
            if (count == -EAGAIN) {
                backlog_ = bytes;
                return 0;
            }
            if (count < 0) {
                return static_cast<int>(-count);
            }
            bytes.remove_prefix(static_cast<size_t>(count));
        }
        return 0;
    }

    OutputTarget target_;
    bool is_open_;
    std::string backlog_;
};

}  // namespace

struct AttachSession::Impl {
    explicit Impl(AttachOptions attach_options);
    ~Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    AttachResult pump();
    void begin(int socket);
    void poll_once();
    void handle_frame();
    void handle_frame(const Frame& frame);
    void handle_input();
    void handle_signals();
    void handle_signal(int signal);
    void write_output(Outlet& outlet, std::string_view bytes);
    void send_window_size();
    void send(FrameType type, std::string_view payload = {});
    void end(AttachResult::End how);
    bool wants_input() const noexcept { return options.input >= 0 && window > 0; }

    AttachOptions options;
    sigset_t saved_mask{};
    sys::UniqueFd signals;
    std::optional<sys::TerminalMode> raw;
    Outlet output;
    Outlet error_output;
    FrameReader reader;
    int channel = -1;
    uint32_t window = kInputWindow;
    std::optional<AttachResult> result;
    /// The rest of the output is given up.
    bool is_cut_short = false;
};

AttachSession::Impl::Impl(AttachOptions attach_options)
    : options(std::move(attach_options)),
      output(options.output),
      error_output(options.error_output) {
    const sigset_t set = signals_to_take(options.forward_signals);
    signals.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals) {
        throw SysError(errno, "signalfd");
    }
    if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, &saved_mask); error != 0) {
        throw SysError(error, "sigprocmask");
    }
}

AttachSession::Impl::~Impl() {
    raw.reset();
    // A broken pipe has been reported as one.
    sigset_t pipe_only;
    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    const timespec now{};
    (void)::sigtimedwait(&pipe_only, nullptr, &now);             // EAGAIN: there was none
    (void)::pthread_sigmask(SIG_SETMASK, &saved_mask, nullptr);  // valid arguments cannot fail
}

void AttachSession::Impl::begin(int socket) {
    channel = socket;
    if (options.terminal && options.input >= 0 && sys::is_terminal(options.input)) {
        raw.emplace(sys::TerminalMode::make_raw(options.input));
    }
    send_window_size();
}

void AttachSession::Impl::end(AttachResult::End how) {
    if (!result) {
        result.emplace();
        result->end = how;
    }
}

void AttachSession::Impl::send(FrameType type, std::string_view payload) {
    try {
        send_frame(channel, type, payload);
    } catch (const SysError& error) {
        // The monitor may have ended already; what it sent before is still read.
        if (error.error() != EPIPE && error.error() != ECONNRESET) {
            throw;
        }
    }
}

void AttachSession::Impl::send_window_size() {
    if (!options.terminal) {
        return;
    }
    for (const int fd : {options.input, options.output}) {
        if (fd >= 0 && sys::is_terminal(fd)) {
            send(FrameType::resize, encode_resize(sys::window_size(fd)));
            return;
        }
    }
}

void AttachSession::Impl::write_output(Outlet& outlet, std::string_view bytes) {
    const int error = outlet.write(bytes);
    if (error != 0) {
        end(AttachResult::End::output_closed);
        result->error = error;
        is_cut_short = true;
    }
}

void AttachSession::Impl::handle_frame(const Frame& frame) {
    switch (frame.type) {
        case FrameType::output:
            write_output(output, frame.payload);
            return;
        case FrameType::error_output:
            write_output(error_output, frame.payload);
            return;
        case FrameType::input_window:
            window += parse_u32(frame.payload);
            return;
        case FrameType::input_closed:
            options.input = -1;
            return;
        case FrameType::output_broken:
            end(AttachResult::End::output_closed);
            is_cut_short = true;
            result->error = frame.payload.size() == 2 ? frame.payload[1] : EPIPE;
            return;
        case FrameType::lagged:
            end(AttachResult::End::lagged);
            return;
        case FrameType::exited:
            if (options.acknowledge_exit) {
                send(FrameType::exit_acknowledged);
            }
            end(AttachResult::End::exited);
            result->exit = parse_exit_record(frame.payload);
            return;
        default:
            NAU_LOG_DEBUG("monitor sent frame {}, ignoring", static_cast<int>(frame.type));
    }
}

void AttachSession::Impl::handle_frame() {
    if (const auto frame = reader.receive(channel)) {
        handle_frame(*frame);
        return;
    }
    end(AttachResult::End::monitor_lost);
}

void AttachSession::Impl::handle_input() {
    std::array<char, kMaxChunk> buffer;
    const size_t size = std::min<size_t>(buffer.size(), window);
    const ssize_t count = sys::retry([&] { return ::read(options.input, buffer.data(), size); });
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return;
    }
    if (count <= 0) {
        // The end, or a terminal that is gone or belongs to others now.
        send(FrameType::input_end);
        options.input = -1;
        return;
    }
    const std::string_view typed(buffer.data(), static_cast<size_t>(count));
    std::string_view pass_on = typed;
    DetachKeys::Result keys;
    if (options.terminal) {
        keys = options.detach_keys.feed(typed);
        pass_on = keys.pass_on;
    }
    while (!pass_on.empty()) {
        const std::string_view chunk = pass_on.substr(0, kMaxChunk);
        send(FrameType::input, chunk);
        window -= static_cast<uint32_t>(std::min<size_t>(chunk.size(), window));
        pass_on.remove_prefix(chunk.size());
    }
    if (keys.detached) {
        send(FrameType::detach);
        end(AttachResult::End::detached);
    }
}

void AttachSession::Impl::handle_signal(int signal) {
    if (signal == SIGPIPE) {
        return;
    }
    if (signal == SIGWINCH) {
        send_window_size();
        return;
    }
    if (signal == SIGCONT && raw) {
        raw->apply();  // the shell has set its own modes while we were stopped
    }
    if (result) {
        // Nothing is left but output that nobody takes.
        is_cut_short = is_cut_short || is_deadly(signal);
    } else if (options.forward_signals) {
        send(FrameType::signal, encode_u8(static_cast<uint8_t>(signal)));
    } else if (is_deadly(signal)) {
        end(AttachResult::End::interrupted);
        result->signal = signal;
        is_cut_short = true;
    }
}

void AttachSession::Impl::handle_signals() {
    signalfd_siginfo info{};
    while (::read(signals.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
        handle_signal(static_cast<int>(info.ssi_signo));
    }
}

void AttachSession::Impl::poll_once() {
    const bool is_slow = output.backlog() + error_output.backlog() > kMaxBacklog;
    std::array<pollfd, 5> fds = {pollfd{result || is_slow ? -1 : channel, POLLIN, 0},
                                 pollfd{signals.get(), POLLIN, 0},
                                 pollfd{!result && wants_input() ? options.input : -1, POLLIN, 0},
                                 output.poll_entry(),
                                 error_output.poll_entry()};
    if (::poll(fds.data(), fds.size(), -1) < 0) {
        if (errno == EINTR) {
            return;
        }
        throw SysError(errno, "poll");
    }
    for (auto [entry, outlet] : {std::pair{fds[3], &output}, std::pair{fds[4], &error_output}}) {
        if (entry.revents != 0) {
            if (const int error = outlet->flush(); error != 0) {
                end(AttachResult::End::output_closed);
                result->error = error;
                is_cut_short = true;
                return;
            }
        }
    }
    if (fds[1].revents != 0) {
        handle_signals();
    }
    if (fds[0].revents != 0) {
        handle_frame();
    }
    if (fds[2].revents != 0 && !result && wants_input()) {
        handle_input();
    }
}

AttachResult AttachSession::Impl::pump() {
    // Whatever the reason of the end, what has been received is written first, unless that is what
    // cannot be done.
    while (!result || (!is_cut_short && output.backlog() + error_output.backlog() > 0)) {
        poll_once();
    }
    raw.reset();
    return std::move(*result);
}

AttachSession::AttachSession(AttachOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

AttachSession::~AttachSession() = default;

AttachResult AttachSession::run(int channel) {
    impl_->begin(channel);
    return impl_->pump();
}

}  // namespace nau::monitor
