#pragma once

// Addresses with ports in the kernel's form, and the sockets that are made of them.

#include <cstdint>
#include <sys/socket.h>

#include "network/address.h"
#include "sys/unique_fd.h"

namespace nau::network {

struct SocketAddress {
    IpAddress address;
    uint16_t port = 0;
    unsigned scope = 0;  ///< interface of an IPv6 link-local address

    static SocketAddress of(const sockaddr_storage& raw) noexcept;
    /// Returns the size of what it filled in.
    socklen_t fill(sockaddr_storage& raw) const noexcept;
    std::string to_string() const;
    friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

/// Non-blocking, close-on-exec; IPv6 sockets take IPv6 only. `type`: SOCK_STREAM or SOCK_DGRAM.
/// @throws SysError
sys::UniqueFd make_socket(int family, int type, int protocol = 0);
/// @throws SysError (EADDRINUSE, EADDRNOTAVAIL)
void bind_socket(int fd, const SocketAddress& address);
/// Bound and, for streams, listening. @throws SysError
sys::UniqueFd listen_on(const SocketAddress& address, int type, int protocol = 0);
/// Returns 0 or EINPROGRESS, or another errno.
int connect_socket(int fd, const SocketAddress& address) noexcept;
SocketAddress local_address(int fd);

}  // namespace nau::network
