#include "monitor/protocol.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/uio.h>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace nau::monitor {

namespace {

json::Value to_value(const sys::ProcessId& process) {
    return {{"pid", process.pid}, {"startTime", process.start_time}};
}

sys::ProcessId parse_process(const json::Field& field) {
    return {.pid = static_cast<pid_t>(field.at("pid").as_int64()),
            .start_time = field.at("startTime").as_uint64()};
}

[[noreturn]] void fail(std::string_view what) {
    throw Error(ErrorKind::corrupt, "monitor protocol: {}", what);
}

/// Room for kMaxStartFds descriptors in a control message.
struct ControlBuffer {
    static constexpr size_t kMaxFds = 253;  // SCM_MAX_FD
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> bytes;
};

ssize_t send_parts(int socket,
                   FrameType type,
                   std::string_view payload,
                   std::span<const int> fds,
                   int flags) noexcept {
    auto type_byte = static_cast<uint8_t>(type);
    std::array<iovec, 2> parts = {iovec{&type_byte, 1},
                                  iovec{const_cast<char*>(payload.data()), payload.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = payload.empty() ? 1 : 2;
    ControlBuffer control;
    if (!fds.empty()) {
        message.msg_control = control.bytes.data();
        message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
    }
    return sys::retry([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL | flags); });
}

/// Takes all descriptors out of a received message, so that none can leak.
std::vector<sys::UniqueFd> take_fds(msghdr& message) {
    std::vector<sys::UniqueFd> fds;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            fds.emplace_back(fd);
        }
    }
    return fds;
}

}  // namespace

std::string to_json(const Hello& hello) {
    return json::to_text({{"output", hello.output},
                          {"errorOutput", hello.error_output},
                          {"input", hello.input},
                          {"exit", hello.exit}});
}

Hello parse_hello(std::string_view text) {
    const json::Value value = json::parse(text, "hello");
    const json::Field root(value, "hello");
    return {.output = root.bool_or("output", false),
            .error_output = root.bool_or("errorOutput", false),
            .input = root.bool_or("input", false),
            .exit = root.bool_or("exit", true)};
}

std::string to_json(const Accepted& accepted) {
    return json::to_text({{"init", to_value(accepted.init)},
                          {"monitor", to_value(accepted.monitor)},
                          {"terminal", accepted.terminal},
                          {"stdinOpen", accepted.stdin_open}});
}

Accepted parse_accepted(std::string_view text) {
    const json::Value value = json::parse(text, "accepted");
    const json::Field root(value, "accepted");
    return {.init = parse_process(root.at("init")),
            .monitor = parse_process(root.at("monitor")),
            .terminal = root.at("terminal").as_bool(),
            .stdin_open = root.at("stdinOpen").as_bool()};
}

std::string to_json(const StartReply& reply) {
    return json::to_text({{"init", to_value(reply.init)},
                          {"monitor", to_value(reply.monitor)},
                          {"cgroupPath", reply.cgroup_path},
                          {"startedAt", format_rfc3339(reply.started_at)},
                          {"warnings", reply.warnings},
                          {"prepareNs", reply.prepare_ns},
                          {"launchNs", reply.launch_ns},
                          {"finishNs", reply.finish_ns}});
}

StartReply parse_start_reply(std::string_view text) {
    const json::Value value = json::parse(text, "start reply");
    const json::Field root(value, "start reply");
    StartReply reply;
    reply.init = parse_process(root.at("init"));
    reply.monitor = parse_process(root.at("monitor"));
    reply.cgroup_path = root.string_or("cgroupPath", "");
    const auto started = parse_rfc3339(root.at("startedAt").as_string());
    if (!started) {
        root.at("startedAt").fail("is no RFC 3339 time");
    }
    reply.started_at = *started;
    reply.warnings = root.string_list_or_empty("warnings");
    reply.prepare_ns = root.int64_or("prepareNs", 0);
    reply.launch_ns = root.int64_or("launchNs", 0);
    reply.finish_ns = root.int64_or("finishNs", 0);
    return reply;
}

std::string to_json(const ErrorReply& reply) {
    return json::to_text({{"kind", std::string(to_string(reply.kind))},
                          {"errno", reply.error},
                          {"step", reply.step},
                          {"text", reply.text},
                          {"hint", reply.hint},
                          {"exitCode", reply.exit_code}});
}

ErrorReply parse_error_reply(std::string_view text) {
    const json::Value value = json::parse(text, "error reply");
    const json::Field root(value, "error reply");
    return {.kind = parse_error_kind(root.at("kind").as_string()),
            .error = static_cast<int>(root.int64_or("errno", 0)),
            .step = root.string_or("step", ""),
            .text = root.at("text").as_string(),
            .hint = root.string_or("hint", ""),
            .exit_code = static_cast<int>(root.int64_or("exitCode", 125))};
}

void send_frame(int socket, FrameType type, std::string_view payload, std::span<const int> fds) {
    if (payload.size() + 1 > kMaxFrame || fds.size() > ControlBuffer::kMaxFds) {
        throw Error(ErrorKind::invalid, "monitor protocol: message is too long");
    }
    if (send_parts(socket, type, payload, fds, 0) < 0) {
        throw SysError(errno, "send to the monitor's socket");
    }
}

int try_send_frame(int socket, FrameType type, std::string_view payload) noexcept {
    return send_parts(socket, type, payload, {}, MSG_DONTWAIT) < 0 ? errno : 0;
}

std::optional<Frame> FrameReader::receive(int socket, size_t max_fds) {
    if (!buffer_) {
        // Not initialised: memory that no frame has filled costs nothing.
        buffer_ = std::make_unique_for_overwrite<char[]>(kMaxFrame);
    }
    iovec part{buffer_.get(), kMaxFrame};
    ControlBuffer control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = max_fds == 0 ? 0 : control.bytes.size();
    const ssize_t count = sys::retry([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
    if (count < 0 && (errno == ECONNRESET || errno == EPIPE)) {
        return std::nullopt;
    }
    if (count < 0) {
        throw SysError(errno, "receive from the monitor's socket");
    }
    Frame frame;
    frame.fds = take_fds(message);
    if (count == 0) {
        return std::nullopt;
    }
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || frame.fds.size() > max_fds) {
        fail("message is too long");
    }
    frame.type = static_cast<FrameType>(buffer_[0]);
    frame.payload = std::string_view(buffer_.get() + 1, static_cast<size_t>(count) - 1);
    return frame;
}

std::string encode_resize(WindowSize size) {
    std::string payload(4, '\0');
    const std::array<uint16_t, 2> values = {size.rows, size.columns};
    std::memcpy(payload.data(), values.data(), payload.size());
    return payload;
}

WindowSize parse_resize(std::string_view payload) {
    std::array<uint16_t, 2> values{};
    if (payload.size() != sizeof(values)) {
        fail("resize has a wrong length");
    }
    std::memcpy(values.data(), payload.data(), sizeof(values));
    return {.rows = values[0], .columns = values[1]};
}

std::string encode_u32(uint32_t value) {
    std::string payload(sizeof(value), '\0');
    std::memcpy(payload.data(), &value, sizeof(value));
    return payload;
}

uint32_t parse_u32(std::string_view payload) {
    uint32_t value = 0;
    if (payload.size() != sizeof(value)) {
        fail("a number has a wrong length");
    }
    std::memcpy(&value, payload.data(), sizeof(value));
    return value;
}

std::string encode_u8(uint8_t value) {
    return std::string(1, static_cast<char>(value));
}

uint8_t parse_u8(std::string_view payload) {
    if (payload.size() != 1) {
        fail("a byte has a wrong length");
    }
    return static_cast<uint8_t>(payload.front());
}

std::string socket_path(const std::filesystem::path& run_dir) {
    return (run_dir / "attach.sock").string();
}

std::string run_lock_path(const std::filesystem::path& run_dir) {
    return run_dir.string() + ".lock";
}

}  // namespace nau::monitor
