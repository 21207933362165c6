#pragma once

// The messages between a monitor and its clients, on SOCK_SEQPACKET unix sockets: the pair that the
// monitor was started with, and connections to attach.sock. One message is one frame: a byte of
// type, then its payload.
//
//   starter                         monitor                         anybody (attach.sock)
//   start {config} + fds ─────────▶
//        ◀──────── started | error
//   ── from here on the starter is a client that has attached ──
//        ◀─── output, error_output                                   ◀──── hello {json}
//   input, input_end ─────────────▶                        accepted {json} | error ────▶
//        ◀─── input_window (+ bytes)                        (then as on the left)
//   resize, signal, detach ───────▶
//        ◀──────────────── exited {exit record}
//   exit_acknowledged ────────────▶  no clean-up is spawned
//
// Input has a window: a client has at most kInputWindow bytes under way that the container has not
// taken, so the monitor never has to stop reading a client, and a signal is never stuck behind
// input. Output is kept for slow clients as monitor/README.md says.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "monitor/config.h"
#include "monitor/exit_record.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace nau::monitor {

enum class FrameType : uint8_t {
    // client → monitor
    start = 1,      ///< roles of the descriptors, line feed, JSON of the config (or in a memfd)
    hello = 2,      ///< JSON
    input = 3,      ///< bytes
    input_end = 4,  ///<
    resize = 5,     ///< u16 rows, u16 columns
    signal = 6,     ///< u8 number
    detach = 7,     ///<
    exit_acknowledged = 8,
    reopen_log = 9,
    check_health = 10,
    // monitor → client
    started = 32,        ///< JSON
    error = 33,          ///< JSON
    accepted = 34,       ///< JSON
    output = 35,         ///< bytes
    error_output = 36,   ///< bytes
    input_window = 37,   ///< u32 bytes
    input_closed = 38,   ///< the container has closed its stdin
    output_broken = 39,  ///< u8 stream (1, 2), u8 errno: a descriptor given with start
    exited = 40,         ///< JSON of the exit record
    lagged = 41,         ///< the client was too slow and is let go
    health = 42,         ///< JSON of the state after the check, or empty: there is no check
};

/// No frame is longer.
constexpr size_t kMaxFrame = 64 * 1024;
/// Payload of one input or output frame.
constexpr size_t kMaxChunk = 16 * 1024;
constexpr uint32_t kInputWindow = 64 * 1024;

/// One letter per descriptor of the start message, in their order.
namespace fd_role {
constexpr char kConfig = 'c';  ///< a file that holds the JSON
constexpr char kSpec = 's';    ///< a file that holds spec_text, which JSON would have to escape
constexpr char kRootfs = 'r';
constexpr char kInput = 'i';
constexpr char kOutput = 'o';
constexpr char kErrorOutput = 'e';
constexpr char kNetworkNamespace = 'n';
constexpr char kPreserved = 'p';
constexpr char kNotify = 't';  ///< connected to the service manager's NOTIFY_SOCKET
}  // namespace fd_role

struct Frame {
    FrameType type{};
    /// Borrowed from the FrameReader until its next call.
    std::string_view payload{};
    std::vector<sys::UniqueFd> fds{};
};

/// What a client on attach.sock wants.
struct Hello {
    bool output = false;
    bool error_output = false;
    bool input = false;
    /// The exit record when the task has ended.
    bool exit = true;
    friend bool operator==(const Hello&, const Hello&) = default;
};

std::string to_json(const Hello& hello);
Hello parse_hello(std::string_view text);

struct Accepted {
    sys::ProcessId init{};
    sys::ProcessId monitor{};
    bool terminal = false;
    bool stdin_open = false;
    friend bool operator==(const Accepted&, const Accepted&) = default;
};

std::string to_json(const Accepted& accepted);
Accepted parse_accepted(std::string_view text);

/// The answer to start. Durations are for measuring.
struct StartReply {
    sys::ProcessId init{};
    sys::ProcessId monitor{};
    std::string cgroup_path{};
    Time started_at{};
    /// What was not done as asked and yet did not stop the start.
    std::vector<std::string> warnings{};
    /// From the arrival of the start message to the launch, in the launch, and to the reply.
    int64_t prepare_ns = 0;
    int64_t launch_ns = 0;
    int64_t finish_ns = 0;
    friend bool operator==(const StartReply&, const StartReply&) = default;
};

std::string to_json(const StartReply& reply);
StartReply parse_start_reply(std::string_view text);

/// An Error on its way between processes.
struct ErrorReply {
    ErrorKind kind = ErrorKind::internal;
    /// Of a SysError; 0: none.
    int error = 0;
    /// Of runtime/launch; empty when it failed elsewhere.
    std::string step{};
    std::string text{};
    std::string hint{};
    /// What `nau run` ends with: 125, 126 or 127.
    int exit_code = 125;
    friend bool operator==(const ErrorReply&, const ErrorReply&) = default;
};

std::string to_json(const ErrorReply& reply);
ErrorReply parse_error_reply(std::string_view text);

/// What the CLI throws for an ErrorReply: an Error that knows the exit status it asks for.
class StartError : public Error {
  public:
    explicit StartError(const ErrorReply& reply)
        : Error(reply.kind, "{}", reply.text),
          error_(reply.error),
          exit_code_(reply.exit_code),
          step_(reply.step) {
        with_hint(reply.hint);
    }
    /// 0: none.
    int error() const noexcept { return error_; }
    int exit_code() const noexcept { return exit_code_; }
    const std::string& step() const noexcept { return step_; }

  private:
    int error_;
    int exit_code_;
    std::string step_;
};

/// Sends one frame. @throws SysError (EPIPE: the peer has gone; EAGAIN on a non-blocking socket)
void send_frame(int socket,
                FrameType type,
                std::string_view payload = {},
                std::span<const int> fds = {});
/// As send_frame() on a non-blocking socket, but quiet: 0, or the errno.
int try_send_frame(int socket, FrameType type, std::string_view payload) noexcept;
/// Receives frames into one buffer.
class FrameReader {
  public:
    /// nullopt when the peer has gone. @throws SysError (EAGAIN on a non-blocking socket);
    /// Error{corrupt}
    std::optional<Frame> receive(int socket, size_t max_fds = 0);

  private:
    std::unique_ptr<char[]> buffer_;
};

std::string encode_resize(WindowSize size);
WindowSize parse_resize(std::string_view payload);
std::string encode_u32(uint32_t value);
uint32_t parse_u32(std::string_view payload);
std::string encode_u8(uint8_t value);
uint8_t parse_u8(std::string_view payload);

/// The socket of a container with this run directory.
std::string socket_path(const std::filesystem::path& run_dir);
/// The file that a monitor holds locked from its start to its end; one that was killed leaves it.
std::string run_lock_path(const std::filesystem::path& run_dir);

}  // namespace nau::monitor
