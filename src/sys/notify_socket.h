#pragma once

// The datagram sockets of sd_notify(3): a service tells its manager how it is by lines of
// NAME=value, one datagram for each message. The manager knows the sender by its process id, so it
// matters who sends.

#include <optional>
#include <string>
#include <string_view>

#include "sys/unique_fd.h"

namespace nau::sys {

/// Connected to what NOTIFY_SOCKET names: an absolute path, or @NAME for one without a file.
/// @throws SysError; Error{unsupported} for another kind of address
UniqueFd connect_notify_socket(const std::string& address);

/// Bound at `path` with exactly this mode, not blocking; a stale socket there is replaced.
/// @throws SysError
UniqueFd bind_notify_socket(const std::string& path, mode_t mode);

/// false when the manager is gone or does not take it.
bool send_notification(int socket, std::string_view text) noexcept;

/// The next message; nullopt when there is none. Descriptors that came with it are closed, which is
/// what sd_notify_barrier(3) waits for.
std::optional<std::string> receive_notification(int socket);

}  // namespace nau::sys
