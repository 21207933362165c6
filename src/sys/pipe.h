#pragma once

// Pipes and unix sockets: the roads between nau's processes. Messages carry bytes and descriptors
// (SCM_RIGHTS); both are bounded by the receiver, and what does not fit is an error, never cut.
// Socket files may have paths of any length: names longer than sun_path (108 bytes) are reached
// through /proc/self/fd/<directory>/<name>. Abstract sockets are not offered on purpose: every
// container with host networking could reach them (CVE-2020-15257).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/types.h>
#include <vector>

#include "sys/unique_fd.h"

namespace nau::sys {

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

/// O_CLOEXEC is added to `flags`. @throws SysError
Pipe pipe2(int flags = 0);

struct SocketPair {
    UniqueFd first;
    UniqueFd second;
};

/// AF_UNIX; `type` is SOCK_SEQPACKET (keeps message borders), SOCK_STREAM or SOCK_DGRAM, with
/// SOCK_NONBLOCK if wanted; SOCK_CLOEXEC is added. @throws SysError
SocketPair socketpair(int type);

struct Message {
    std::string bytes;
    std::vector<UniqueFd> fds;
};

/// The most descriptors one message may carry (SCM_MAX_FD).
constexpr size_t kMaxMessageFds = 253;

/// Sends all `bytes` (at least one) and the borrowed `fds` with the first of them. A peer that has
/// gone is SysError(EPIPE), never a signal. @throws SysError
void send_message(int socket, std::string_view bytes, std::span<const int> fds = {});

/// One message (SOCK_SEQPACKET) or what has arrived (SOCK_STREAM); nullopt when the peer has
/// closed. Received descriptors are close-on-exec.
/// @throws Error{invalid} when the message has more bytes or descriptors than allowed (they are
/// closed); SysError, among them EAGAIN on a non-blocking socket
std::optional<Message> receive_message(int socket, size_t max_bytes, size_t max_fds = 0);

struct PeerCredentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/// Of the process that connected or made the pair (SO_PEERCRED). @throws SysError
PeerCredentials peer_credentials(int socket);

/// Binds and listens; a stale socket file of that name is replaced atomically, so that there is no
/// moment without one, and its mode is exact from the start. `type` as in socketpair().
/// @throws SysError
UniqueFd listen_unix(const std::string& path, mode_t mode, int type, int backlog = 64);

/// @throws SysError (ENOENT: no socket file; ECONNREFUSED: nobody listens any more)
UniqueFd connect_unix(const std::string& path, int type);

/// The next connection; nullopt when there is none now (non-blocking) or it has gone again.
/// `flags` may hold SOCK_NONBLOCK. @throws SysError
std::optional<UniqueFd> accept(int listener, int flags = 0);

/// Which of POLLIN, POLLOUT, POLLHUP … are true within `timeout` (negative: for ever); 0 when none.
/// @throws SysError
short poll(int fd, short events, std::chrono::milliseconds timeout);

}  // namespace nau::sys
