#include "monitor/output_target.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sys/terminal.h"

namespace nau::monitor {

namespace {

bool is_null_device(const struct ::stat& status) noexcept {
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

}  // namespace

sys::UniqueFd direct_output(int fd) noexcept {
    struct ::stat status {};
    if (fd < 0 || ::fstat(fd, &status) != 0) {
        return {};
    }
    if (S_ISREG(status.st_mode) || is_null_device(status)) {
        return sys::UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    }
    if (!S_ISFIFO(status.st_mode) && !sys::is_terminal(fd)) {
        return {};
    }
    std::array<char, 32> path{};
    (void)std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
    return sys::UniqueFd(::open(path.data(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

OutputTarget::OutputTarget(int fd) noexcept : fd_(fd), own_(direct_output(fd)) {
    struct ::stat status {};
    if (!own_ && fd >= 0 && ::fstat(fd, &status) == 0) {
        way_ = S_ISSOCK(status.st_mode) ? Way::socket : Way::cautious;
    }
}

ssize_t OutputTarget::write_some(std::string_view bytes) const noexcept {
    ssize_t count = -1;
    if (way_ == Way::socket) {
        count = sys::retry(
            [&] { return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
    } else {
        size_t size = bytes.size();
        if (way_ == Way::cautious) {
            // A writable pipe takes this much at once.
            size = std::min<size_t>(size, PIPE_BUF);
            pollfd writable{fd_, POLLOUT, 0};
            if (::poll(&writable, 1, 0) == 0) {
                return -EAGAIN;
            }
        }
        count = sys::retry([&] { return ::write(fd(), bytes.data(), size); });
    }
    return count < 0 ? -errno : count;
}

}  // namespace nau::monitor
