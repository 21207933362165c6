#include "monitor/client.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <fmt/core.h>

#include "base/error.h"
#include "monitor/footprint.h"
#include "sys/file.h"
#include "sys/pipe.h"

namespace nau::monitor {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Where the monitor expects the starter's socket.
constexpr int kStarterFd = 3;
/// A longer config goes into a memfd: socket buffers are bounded.
constexpr size_t kMaxInlineConfig = 32 * 1024;

struct StartMessage {
    std::string payload;
    std::vector<int> fds;
    std::vector<sys::UniqueFd> files;

    void add(char role, int fd) {
        if (fd >= 0) {
            payload.push_back(role);
            fds.push_back(fd);
        }
    }
    void add_file(char role, std::string_view text) {
        sys::UniqueFd file = sys::memfd_create("nau-monitor", 0);
        sys::write_all(file.get(), text);
        add(role, file.get());
        files.push_back(std::move(file));
    }
};

StartMessage make_start_message(const MonitorConfig& config, const StartFds& fds) {
    StartMessage message;
    message.add(fd_role::kRootfs, fds.rootfs);
    message.add(fd_role::kInput, fds.input);
    message.add(fd_role::kOutput, fds.output);
    message.add(fd_role::kErrorOutput, fds.error_output);
    message.add(fd_role::kNetworkNamespace, fds.network_namespace);
    for (const int fd : fds.preserved) {
        message.add(fd_role::kPreserved, fd);
    }
    message.add(fd_role::kNotify, fds.notify);
    if (!config.spec_text.empty()) {
        message.add_file(fd_role::kSpec, config.spec_text);
    }
    std::string text = to_json(config);
    if (text.size() > kMaxInlineConfig) {
        message.add_file(fd_role::kConfig, text);
        text.clear();
    }
    message.payload.push_back('\n');
    message.payload += text;
    return message;
}

/// What is left of a time-out; negative: none.
class Deadline {
  public:
    explicit Deadline(milliseconds timeout) : timeout_(timeout), end_(steady_clock::now()) {
        if (timeout.count() > 0) {
            end_ += std::min(timeout, milliseconds(std::chrono::hours(24 * 365)));
        }
    }
    milliseconds left() const {
        if (timeout_.count() < 0) {
            return milliseconds(-1);
        }
        const auto rest = std::chrono::ceil<milliseconds>(end_ - steady_clock::now());
        return std::max(milliseconds(0), rest);
    }

  private:
    milliseconds timeout_;
    steady_clock::time_point end_;
};

/// Sends one request and waits until the monitor has done it and closed the connection.
bool request(const std::filesystem::path& run_dir, FrameType type, std::string_view payload) {
    auto attachment = connect(run_dir, {.exit = false});
    if (!attachment) {
        return false;
    }
    const int channel = attachment->channel.get();
    try {
        send_frame(channel, type, payload);
    } catch (const SysError& error) {
        if (error.error() == EPIPE) {
            return false;
        }
        throw;
    }
    (void)::shutdown(channel, SHUT_WR);  // fails only if the monitor has closed already
    FrameReader reader;
    while (const auto frame = reader.receive(channel)) {
        if (frame->type == FrameType::error) {
            throw StartError(parse_error_reply(frame->payload));
        }
    }
    return true;
}

}  // namespace

MonitorClient MonitorClient::spawn(int executable_fd, MonitorKind kind) {
    sys::SocketPair pair = sys::socketpair(SOCK_SEQPACKET);
    sys::SpawnOptions options;
    options.executable_fd = executable_fd;
    options.argv = {"nau", "monitor"};
    if (kind == MonitorKind::exec) {
        options.argv.emplace_back("--exec");
    }
    options.env = monitor_environment();
    options.stdin_fd = sys::SpawnOptions::kNull;
    options.stdout_fd = sys::SpawnOptions::kNull;
    options.stderr_fd = sys::SpawnOptions::kNull;
    options.fds = {{.source = pair.second.get(), .target = kStarterFd}};
    options.cwd = "/";
    options.new_session = true;
    sys::Child child = doing("starting the monitor", [&] { return sys::spawn(options); });
    return {std::move(pair.first), child.detach()};
}

void MonitorClient::send_start(const MonitorConfig& config, const StartFds& fds) {
    const StartMessage message = make_start_message(config, fds);
    doing("starting the monitor",
          [&] { send_frame(socket_.get(), FrameType::start, message.payload, message.fds); });
}

StartReply MonitorClient::wait_started() {
    FrameReader reader;
    const auto frame = reader.receive(socket_.get());
    if (!frame) {
        const auto status = sys::wait_pidfd(pidfd_.get(), milliseconds(1000));
        throw Error(ErrorKind::internal,
                    "the monitor has ended without an answer ({})",
                    !status                 ? std::string("it is still there")
                    : status->is_signaled() ? fmt::format("signal {}", status->signal)
                                            : fmt::format("status {}", status->code));
    }
    if (frame->type == FrameType::error) {
        throw StartError(parse_error_reply(frame->payload));
    }
    if (frame->type != FrameType::started) {
        throw Error(ErrorKind::internal, "the monitor gave an unexpected answer");
    }
    return parse_start_reply(frame->payload);
}

std::optional<Attachment> connect(const std::filesystem::path& run_dir, const Hello& hello) {
    try {
        Attachment attachment;
        attachment.channel = sys::connect_unix(socket_path(run_dir), SOCK_SEQPACKET);
        send_frame(attachment.channel.get(), FrameType::hello, to_json(hello));
        FrameReader reader;
        const auto frame = reader.receive(attachment.channel.get());
        if (!frame) {
            return std::nullopt;
        }
        if (frame->type == FrameType::error) {
            throw StartError(parse_error_reply(frame->payload));
        }
        if (frame->type != FrameType::accepted) {
            throw Error(ErrorKind::internal, "the monitor gave an unexpected answer");
        }
        attachment.accepted = parse_accepted(frame->payload);
        return attachment;
    } catch (const SysError& error) {
        if (error.error() == ENOENT || error.error() == ECONNREFUSED || error.error() == EPIPE ||
            error.error() == ECONNRESET) {
            return std::nullopt;
        }
        throw;
    }
}

std::optional<ExitRecord> wait_exit(const std::filesystem::path& run_dir, milliseconds timeout) {
    const Deadline deadline(timeout);
    if (auto record = read_exit_record(run_dir)) {
        return record;
    }
    const auto attachment = connect(run_dir, {.exit = true});
    if (!attachment) {
        return read_exit_record(run_dir);  // it may have ended just now
    }
    FrameReader reader;
    while (sys::poll(attachment->channel.get(), POLLIN, deadline.left()) != 0) {
        const auto frame = reader.receive(attachment->channel.get());
        if (!frame) {
            return read_exit_record(run_dir);
        }
        if (frame->type == FrameType::exited) {
            return parse_exit_record(frame->payload);
        }
    }
    return std::nullopt;
}

bool send_signal(const std::filesystem::path& run_dir, int signal) {
    return request(run_dir, FrameType::signal, encode_u8(static_cast<uint8_t>(signal)));
}

bool resize(const std::filesystem::path& run_dir, WindowSize size) {
    return request(run_dir, FrameType::resize, encode_resize(size));
}

std::optional<HealthState> check_health(const std::filesystem::path& run_dir) {
    auto attachment = connect(run_dir, {.exit = false});
    if (!attachment) {
        return std::nullopt;
    }
    send_frame(attachment->channel.get(), FrameType::check_health);
    FrameReader reader;
    while (const auto frame = reader.receive(attachment->channel.get())) {
        if (frame->type == FrameType::health && !frame->payload.empty()) {
            return parse_health_state(frame->payload);
        }
    }
    return std::nullopt;
}

bool reopen_log(const std::filesystem::path& run_dir) {
    return request(run_dir, FrameType::reopen_log, {});
}

}  // namespace nau::monitor
