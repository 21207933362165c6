#include "network/socket_address.h"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>

#include <fmt/core.h>

#include "base/error.h"

namespace nau::network {

namespace {

constexpr int kBacklog = 512;

void set_option(int fd, int level, int option, int value) {
    if (::setsockopt(fd, level, option, &value, sizeof(value)) != 0) {
        throw SysError(errno, "setsockopt");
    }
}

}  // namespace

SocketAddress SocketAddress::of(const sockaddr_storage& raw) noexcept {
    SocketAddress result;
    if (raw.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &raw, sizeof(v6));
        result.address = *IpAddress::from_bytes(
            {reinterpret_cast<const char*>(&v6.sin6_addr), sizeof(v6.sin6_addr)});
        result.port = ntohs(v6.sin6_port);
        result.scope = v6.sin6_scope_id;
        return result;
    }
    sockaddr_in v4{};
    std::memcpy(&v4, &raw, sizeof(v4));
    result.address =
        *IpAddress::from_bytes({reinterpret_cast<const char*>(&v4.sin_addr), sizeof(v4.sin_addr)});
    result.port = ntohs(v4.sin_port);
    return result;
}

socklen_t SocketAddress::fill(sockaddr_storage& raw) const noexcept {
    raw = {};
    if (address.is_v6()) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        v6.sin6_scope_id = scope;
        std::memcpy(&v6.sin6_addr, address.bytes().data(), sizeof(v6.sin6_addr));
        std::memcpy(&raw, &v6, sizeof(v6));
        return sizeof(v6);
    }
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes().data(), sizeof(v4.sin_addr));
    std::memcpy(&raw, &v4, sizeof(v4));
    return sizeof(v4);
}

std::string SocketAddress::to_string() const {
    return address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), port)
                           : fmt::format("{}:{}", address.to_string(), port);
}

sys::UniqueFd make_socket(int family, int type, int protocol) {
    sys::UniqueFd fd(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    if (!fd) {
        throw SysError(errno, "socket");
    }
    if (family == AF_INET6) {
        set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    return fd;
}

void bind_socket(int fd, const SocketAddress& address) {
    sockaddr_storage raw{};
    const socklen_t size = address.fill(raw);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&raw), size) != 0) {
        throw SysError(errno, "bind {}", address.to_string());
    }
}

sys::UniqueFd listen_on(const SocketAddress& address, int type, int protocol) {
    sys::UniqueFd fd = make_socket(address.address.family(), type, protocol);
    if (type == SOCK_STREAM) {
        set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);  // past connections do not matter
    }
    bind_socket(fd.get(), address);
    if (type == SOCK_STREAM && ::listen(fd.get(), kBacklog) != 0) {
        throw SysError(errno, "listen on {}", address.to_string());
    }
    return fd;
}

int connect_socket(int fd, const SocketAddress& address) noexcept {
    sockaddr_storage raw{};
    const socklen_t size = address.fill(raw);
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&raw), size) == 0 ? 0 : errno;
}

SocketAddress local_address(int fd) {
    sockaddr_storage raw{};
    socklen_t size = sizeof(raw);
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) {
        throw SysError(errno, "getsockname");
    }
    return SocketAddress::of(raw);
}

}  // namespace nau::network
