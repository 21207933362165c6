#include "sys/notify_socket.h"

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "sys/file.h"

namespace nau::sys {

namespace {

/// sd_notify(3) itself sends no more.
constexpr size_t kMaxNotification = 4096;

UniqueFd make_socket(int flags) {
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0) {
        throw SysError(errno, "socket");
    }
    return UniqueFd(fd);
}

struct Address {
    sockaddr_un bytes{};
    socklen_t size = 0;
};

Address make_address(std::string_view text) {
    Address address;
    address.bytes.sun_family = AF_UNIX;
    if (text.size() >= sizeof(address.bytes.sun_path)) {
        throw SysError(ENAMETOOLONG, "notification socket {}", text);
    }
    text.copy(address.bytes.sun_path, text.size());
    address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size());
    if (text.front() == '@') {
        address.bytes.sun_path[0] = '\0';  // no file: the name is all bytes behind the zero
    } else {
        ++address.size;  // with the zero at its end
    }
    return address;
}

const sockaddr* generic(const Address& address) noexcept {
    return reinterpret_cast<const sockaddr*>(&address.bytes);
}

}  // namespace

UniqueFd connect_notify_socket(const std::string& address) {
    if (address.size() < 2 || (address.front() != '/' && address.front() != '@')) {
        throw Error(ErrorKind::unsupported,
                    "NOTIFY_SOCKET '{}' is neither an absolute path nor a name after @",
                    address);
    }
    UniqueFd socket = make_socket(0);
    const Address target = make_address(address);
    if (::connect(socket.get(), generic(target), target.size) != 0) {
        throw SysError(errno, "connect {}", address);
    }
    return socket;
}

UniqueFd bind_notify_socket(const std::string& path, mode_t mode) {
    const auto slash = path.rfind('/');
    const UniqueFd directory = open(path.substr(0, slash + 1), O_PATH | O_DIRECTORY);
    const std::string name = path.substr(slash + 1);
    if (::unlinkat(directory.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
        throw SysError(errno, "unlink {}", path);
    }
    UniqueFd socket = make_socket(SOCK_NONBLOCK);
    // However long the path is: the address holds a hundred bytes only.
    const Address address = make_address(fmt::format("/proc/self/fd/{}/{}", directory.get(), name));
    if (::bind(socket.get(), generic(address), address.size) != 0) {
        throw SysError(errno, "bind {}", path);
    }
    if (::fchmodat(directory.get(), name.c_str(), mode, 0) != 0) {
        throw SysError(errno, "chmod {}", path);
    }
    return socket;
}

bool send_notification(int socket, std::string_view text) noexcept {
    return retry([&] {
               return ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
           }) == static_cast<ssize_t>(text.size());
}

std::optional<std::string> receive_notification(int socket) {
    std::string text(kMaxNotification, '\0');
    // recv() has no room for descriptors, so the kernel closes those that came along.
    const ssize_t size = retry([&] { return ::recv(socket, text.data(), text.size(), 0); });
    if (size < 0) {
        if (errno == EAGAIN) {
            return std::nullopt;
        }
        throw SysError(errno, "recv");
    }
    text.resize(static_cast<size_t>(size));
    return text;
}

}  // namespace nau::sys
