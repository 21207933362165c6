#include "sys/lock_file.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/error.h"
#include "base/parse.h"
#include "sys/file.h"

namespace nau::sys {

namespace {

/// Whether `path` (still) leads to the file behind `fd`.
bool leads_to(const std::string& path, int fd) {
    const auto named = stat_if_exists(path);
    const auto held = fstat(fd);
    return named && named->st_dev == held.st_dev && named->st_ino == held.st_ino;
}

/// "MAJOR:MINOR:INODE" as /proc/locks writes it.
std::string lock_identity(const struct ::stat& status) {
    return fmt::format("{:02x}:{:02x}:{}",
                       gnu_dev_major(status.st_dev),
                       gnu_dev_minor(status.st_dev),
                       status.st_ino);
}

/// " (held by process 123)" if /proc/locks knows; a courtesy, so every failure is silence.
std::string describe_holder(const std::string& path) {
    try {
        const std::string identity = lock_identity(stat(path));
        const std::string locks = read_file("/proc/locks", size_t{1} << 20);
        for (const auto line : split(locks, '\n')) {
            // "1: FLOCK  ADVISORY  WRITE 4242 08:01:131 0 EOF"; waiters have "->" before FLOCK.
            const auto at = line.find(identity + " ");
            if (at == line.npos || line.find("->") != line.npos) {
                continue;
            }
            const auto head = trim(line.substr(0, at));
            const auto blank = head.rfind(' ');
            return fmt::format(" (held by process {})", head.substr(blank + 1));
        }
    } catch (const Error&) {
        return {};
    }
    return {};
}

}  // namespace

std::optional<FileLock> FileLock::attempt(const std::string& path, int operation) {
    for (;;) {
        UniqueFd fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
        if (retry([&] { return ::flock(fd.get(), operation); }) != 0) {
            if (errno == EWOULDBLOCK) {
                return std::nullopt;
            }
            throw SysError(errno, "lock {}", path);
        }
        if (leads_to(path, fd.get())) {
            return FileLock(std::move(fd));
        }
        // Removed or replaced while we waited: the lock we hold means nothing to newcomers.
    }
}

FileLock FileLock::within(const std::string& path,
                          int operation,
                          std::chrono::milliseconds timeout) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + timeout;
    // The kernel has no flock with a time-out, and interrupting one takes a signal handler, which
    // is the whole process's business. So this asks again, at growing distances.
    auto pause = std::chrono::microseconds(500);
    for (;;) {
        if (auto lock = attempt(path, operation | LOCK_NB)) {
            return std::move(*lock);
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
        if (left <= left.zero()) {
            throw Error(ErrorKind::timed_out,
                        "lock {}{}: not released within {} ms",
                        path,
                        describe_holder(path),
                        timeout.count());
        }
        const auto nap = std::min(pause, left);
        const timespec duration = {.tv_sec = 0, .tv_nsec = nap.count() * 1000};
        (void)::nanosleep(&duration, nullptr);  // woken early: asks earlier
        pause = std::min(pause * 2, std::chrono::microseconds(20'000));
    }
}

FileLock FileLock::exclusive(const std::string& path) {
    return std::move(*attempt(path, LOCK_EX));
}

FileLock FileLock::shared(const std::string& path) {
    return std::move(*attempt(path, LOCK_SH));
}

std::optional<FileLock> FileLock::try_exclusive(const std::string& path) {
    return attempt(path, LOCK_EX | LOCK_NB);
}

std::optional<FileLock> FileLock::try_shared(const std::string& path) {
    return attempt(path, LOCK_SH | LOCK_NB);
}

FileLock FileLock::exclusive_within(const std::string& path, std::chrono::milliseconds timeout) {
    return within(path, LOCK_EX, timeout);
}

FileLock FileLock::shared_within(const std::string& path, std::chrono::milliseconds timeout) {
    return within(path, LOCK_SH, timeout);
}

}  // namespace nau::sys
