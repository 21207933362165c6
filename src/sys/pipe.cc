#include "sys/pipe.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/scope_exit.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nau::sys {

Pipe pipe2(int flags) {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), flags | O_CLOEXEC) != 0) {
        throw SysError(errno, "pipe");
    }
    return {.read = UniqueFd(fds[0]), .write = UniqueFd(fds[1])};
}

SocketPair socketpair(int type) {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds.data()) != 0) {
        throw SysError(errno, "socketpair");
    }
    return {.first = UniqueFd(fds[0]), .second = UniqueFd(fds[1])};
}

// --- messages

namespace {

/// Room for the descriptors of one message, aligned as the CMSG macros want it.
class ControlBuffer {
  public:
    explicit ControlBuffer(size_t fd_count)
        : size_(fd_count == 0 ? 0 : CMSG_SPACE(fd_count * sizeof(int))),
          words_((size_ + sizeof(cmsghdr) - 1) / sizeof(cmsghdr)) {}

    void attach(msghdr& header) noexcept {
        header.msg_control = size_ == 0 ? nullptr : words_.data();
        header.msg_controllen = size_;
    }

  private:
    size_t size_;
    std::vector<cmsghdr> words_;
};

void put_fds(msghdr& header, std::span<const int> fds) noexcept {
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(control), fds.data(), fds.size_bytes());
}

std::vector<UniqueFd> take_fds(msghdr& header) {
    std::vector<UniqueFd> fds;
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
         control = CMSG_NXTHDR(&header, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        fds.reserve(fds.size() + count);
        for (size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
            fds.emplace_back(fd);
        }
    }
    return fds;
}

}  // namespace

void send_message(int socket, std::string_view bytes, std::span<const int> fds) {
    if (bytes.empty() || fds.size() > kMaxMessageFds) {
        throw SysError(
            EINVAL, "send a message of {} bytes and {} descriptors", bytes.size(), fds.size());
    }
    ControlBuffer control(fds.size());
    while (!bytes.empty()) {
        iovec part = {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        if (!fds.empty()) {
            control.attach(header);
            put_fds(header, fds);
        }
        const ssize_t count = retry([&] { return ::sendmsg(socket, &header, MSG_NOSIGNAL); });
        if (count < 0) {
            throw SysError(errno, "send message");
        }
        bytes.remove_prefix(static_cast<size_t>(count));
        fds = {};  // they went with the first byte
    }
}

std::optional<Message> receive_message(int socket, size_t max_bytes, size_t max_fds) {
    Message message;
    message.bytes.resize(max_bytes);
    ControlBuffer control(std::min(max_fds, kMaxMessageFds));
    iovec part = {.iov_base = message.bytes.data(), .iov_len = max_bytes};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    control.attach(header);
    const ssize_t count = retry([&] { return ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC); });
    if (count < 0) {
        throw SysError(errno, "receive message");
    }
    message.fds = take_fds(header);
    if ((header.msg_flags & MSG_TRUNC) != 0) {
        throw Error(ErrorKind::invalid, "receive message: longer than {} bytes", max_bytes);
    }
    // CMSG_SPACE rounds up, so one descriptor too many may have found room.
    if ((header.msg_flags & MSG_CTRUNC) != 0 || message.fds.size() > max_fds) {
        throw Error(ErrorKind::invalid, "receive message: more than {} descriptors", max_fds);
    }
    if (count == 0) {
        return std::nullopt;
    }
    message.bytes.resize(static_cast<size_t>(count));
    return message;
}

PeerCredentials peer_credentials(int socket) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        throw SysError(errno, "peer credentials");
    }
    return {.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
}

// --- sockets with a path

namespace {

struct SplitSocketPath {
    std::string directory;
    std::string name;
};

SplitSocketPath split_socket_path(const std::string& path) {
    const auto slash = path.rfind('/');
    SplitSocketPath parts{.directory = slash == path.npos ? "." : path.substr(0, slash + 1),
                          .name = slash == path.npos ? path : path.substr(slash + 1)};
    if (parts.name.empty() || path.find('\0') != path.npos) {
        throw SysError(EINVAL, "socket '{}'", path.c_str());
    }
    return parts;
}

bool fits_address(const std::string& path) noexcept {
    return path.size() < sizeof(sockaddr_un::sun_path);
}

sockaddr_un make_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!fits_address(path)) {
        throw SysError(ENAMETOOLONG, "socket {}", path);
    }
    path.copy(address.sun_path, path.size());
    return address;
}

UniqueFd make_socket(int type) {
    const int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        throw SysError(errno, "socket");
    }
    return UniqueFd(fd);
}

void bind_to(const UniqueFd& socket, const std::string& path) {
    const sockaddr_un address = make_address(path);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        throw SysError(errno, "bind {}", path);
    }
}

}  // namespace

UniqueFd listen_unix(const std::string& path, mode_t mode, int type, int backlog) {
    const auto [directory, name] = split_socket_path(path);
    const UniqueFd parent = open(directory, O_PATH | O_DIRECTORY);
    const std::string temporary = ".tmp-" + random_hex(8);
    UniqueFd socket = make_socket(type);
    // Bound under another name and renamed: nobody sees a socket that does not listen yet, or with
    // another mode, and what was there before is replaced in one step.
    bind_to(socket, fmt::format("/proc/self/fd/{}/{}", parent.get(), temporary));
    ScopeExit remove_temporary(
        [&]() noexcept { (void)::unlinkat(parent.get(), temporary.c_str(), 0); });
    if (::fchmodat(parent.get(), temporary.c_str(), mode, 0) != 0) {
        throw SysError(errno, "chmod {}", path);
    }
    if (::listen(socket.get(), backlog) != 0) {
        throw SysError(errno, "listen {}", path);
    }
    if (::renameat(parent.get(), temporary.c_str(), parent.get(), name.c_str()) != 0) {
        throw SysError(errno, "bind {}", path);
    }
    remove_temporary.release();
    return socket;
}

UniqueFd connect_unix(const std::string& path, int type) {
    UniqueFd socket = make_socket(type);
    UniqueFd file;
    sockaddr_un address{};
    if (fits_address(path)) {
        address = make_address(path);
    } else {
        file = open(path, O_PATH);
        address = make_address(fmt::format("/proc/self/fd/{}", file.get()));
    }
    if (retry([&] {
            return ::connect(
                socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
        }) != 0) {
        throw SysError(errno, "connect {}", path);
    }
    return socket;
}

std::optional<UniqueFd> accept(int listener, int flags) {
    const int fd =
        retry([&] { return ::accept4(listener, nullptr, nullptr, flags | SOCK_CLOEXEC); });
    if (fd >= 0) {
        return UniqueFd(fd);
    }
    if (errno == EAGAIN || errno == ECONNABORTED) {
        return std::nullopt;
    }
    throw SysError(errno, "accept");
}

short poll(int fd, short events, std::chrono::milliseconds timeout) {
    using Clock = std::chrono::steady_clock;
    const bool is_bounded = timeout.count() > 0;
    const auto deadline = is_bounded ? Clock::now() + timeout : Clock::time_point();
    pollfd entry = {.fd = fd, .events = events, .revents = 0};
    for (;;) {
        timespec left{};
        if (is_bounded) {
            const auto rest = std::max(Clock::duration::zero(), deadline - Clock::now());
            const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(rest);
            left = {.tv_sec = seconds.count(), .tv_nsec = (rest - seconds).count()};
        }
        const int count = ::ppoll(&entry, 1, timeout.count() < 0 ? nullptr : &left, nullptr);
        if (count >= 0) {
            return count == 0 ? short{0} : entry.revents;
        }
        if (errno != EINTR) {
            throw SysError(errno, "poll fd {}", fd);
        }
    }
}

}  // namespace nau::sys
