#include "monitor/log_compressor.h"

#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "logs/gzip_blocks.h"
#include "sys/file.h"
#include "sys/process.h"

namespace nau::monitor {

namespace {

// Where the fork finds its files.
constexpr int kSourceFd = 3;
constexpr int kTargetFd = 4;
constexpr int kMildest = 19;

/// All that the fork does; its exit status.
int compress(int source, int target, pid_t monitor) noexcept {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != monitor) {
        return 1;
    }
    (void)::setpriority(PRIO_PROCESS, 0, kMildest);  // what the container has to do comes first
    const int from = ::fcntl(source, F_DUPFD_CLOEXEC, 16);
    const int to = ::fcntl(target, F_DUPFD_CLOEXEC, 16);
    if (from < 0 || to < 0 || ::dup3(from, kSourceFd, O_CLOEXEC) < 0 ||
        ::dup3(to, kTargetFd, O_CLOEXEC) < 0 || ::close_range(kTargetFd + 1, ~0U, 0) != 0) {
        return 1;
    }
    try {
        logs::compress_file(kSourceFd, kTargetFd);
        // The plain file goes when this one is there, so it must be there after a power cut.
        return ::fdatasync(kTargetFd) == 0 ? 0 : 1;
    } catch (const std::exception&) {
        return 1;  // disk full: the plain file stays
    }
}

}  // namespace

LogCompressor::LogCompressor(uint64_t file, int source, const std::filesystem::path& target)
    : file_(file) {
    (void)sys::unlink_if_exists(target.string());  // left by a monitor that was killed
    const sys::UniqueFd made =
        sys::open(target.string(), O_WRONLY | O_CREAT | O_EXCL | O_NOCTTY, 0600);
    const pid_t monitor = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) {
        throw SysError(errno, "fork");
    }
    if (pid_ == 0) {
        ::_exit(compress(source, made.get(), monitor));
    }
    pidfd_ = sys::pidfd_open(pid_);
}

LogCompressor::~LogCompressor() {
    try {
        (void)sys::send_signal(pidfd_.get(), SIGKILL);  // false: it has ended
    } catch (const Error& error) {
        NAU_LOG_WARN("compressing a log: {}, ignoring", error.text());
    }
}

}  // namespace nau::monitor
