#pragma once

// Whose is a port of this host? Only asked when it is taken, for the error message.

#include <optional>
#include <string>
#include <string_view>

#include "network/network.h"

namespace nau::network {

/// "nginx (pid 123)"; nullopt when nobody is found (another network namespace's process, or it has
/// gone). `protocol`: tcp or udp.
std::optional<std::string> find_port_owner(std::string_view protocol, uint16_t port);

/// The inode of a listening socket in the text of /proc/net/{tcp,tcp6,udp,udp6}. Pure.
std::optional<std::string> find_socket_inode(std::string_view table, uint16_t port, bool is_tcp);

}  // namespace nau::network
