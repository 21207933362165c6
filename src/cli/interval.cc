#include "cli/interval.h"

#include <cerrno>
#include <poll.h>

#include "base/error.h"

namespace nau::cli {

bool wait_while_read(int fd, std::chrono::milliseconds interval) {
    // POLLERR and POLLHUP come without being asked for: the other end of a pipe was closed.
    struct pollfd watched = {.fd = fd, .events = 0, .revents = 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(interval.count()));
    if (ready < 0 && errno != EINTR) {
        throw SysError(errno, "poll");
    }
    return ready == 0;
}

}  // namespace nau::cli
