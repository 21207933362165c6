#include "sys/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"

namespace nau::sys {

void UniqueFd::reset(int fd) noexcept {
    if (fd_ >= 0) {
        const int saved = errno;
        (void)::close(fd_);  // whoever cares calls close_checked()
        errno = saved;
    }
    fd_ = fd;
}

void UniqueFd::close_checked(const char* what) {
    if (fd_ >= 0 && ::close(release()) != 0 && errno != EINTR) {
        throw SysError(errno, "close {}", what);
    }
}

UniqueFd UniqueFd::duplicate() const {
    const int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        throw SysError(errno, "duplicate descriptor {}", fd_);
    }
    return UniqueFd(copy);
}

}  // namespace nau::sys
