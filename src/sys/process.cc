#include "sys/process.h"

#include <array>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/raw.h"

// glibc 2.36 has P_PIDFD in <sys/wait.h>; older C libraries do not.
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace nau::sys {

namespace {

ExitStatus exit_status_of(const siginfo_t& info) noexcept {
    if (info.si_code == CLD_EXITED) {
        return {.code = info.si_status};
    }
    return {.signal = info.si_status, .core_dumped = info.si_code == CLD_DUMPED};
}

}  // namespace

// --- Child

Child& Child::operator=(Child&& other) noexcept {
    if (this != &other) {
        const Child previous(pid_, std::move(pidfd_));  // killed and reaped at the end of the block
        pid_ = other.pid_;
        pidfd_ = std::move(other.pidfd_);
    }
    return *this;
}

Child::~Child() {
    if (!pidfd_) {
        return;
    }
    (void)raw::pidfd_send_signal(pidfd_.get(), SIGKILL);  // ESRCH: it has ended by itself
    siginfo_t info{};
    while (raw::waitid(P_PIDFD, pidfd_.get(), &info, WEXITED) == -EINTR) {
    }
}

ExitStatus Child::wait() {
    const auto status = wait_pidfd(pidfd_.get(), std::chrono::milliseconds(-1));
    pidfd_.reset();
    return *status;
}

std::optional<ExitStatus> Child::wait_within(std::chrono::milliseconds timeout) {
    const auto status = wait_pidfd(pidfd_.get(), timeout);
    if (status) {
        pidfd_.reset();
    }
    return status;
}

bool Child::kill(int signal) {
    return send_signal(pidfd_.get(), signal);
}

// --- pidfds

UniqueFd pidfd_open(pid_t pid) {
    const int fd = raw::pidfd_open(pid);
    if (fd < 0) {
        throw SysError(-fd, "process {}", pid);
    }
    return UniqueFd(fd);
}

bool send_signal(int pidfd, int signal) {
    const int result = raw::pidfd_send_signal(pidfd, signal);
    if (result == -ESRCH) {
        return false;
    }
    if (result < 0) {
        throw SysError(-result, "send signal {}", signal);
    }
    return true;
}

bool has_ended(int pidfd) {
    return poll(pidfd, POLLIN, std::chrono::milliseconds(0)) != 0;
}

bool wait_ended(int pidfd, std::chrono::milliseconds timeout) {
    return poll(pidfd, POLLIN, timeout) != 0;
}

std::optional<ExitStatus> wait_pidfd(int pidfd, std::chrono::milliseconds timeout) {
    if (timeout.count() > 0 && !wait_ended(pidfd, timeout)) {
        return std::nullopt;
    }
    const int options = timeout.count() < 0 ? WEXITED : WEXITED | WNOHANG;
    siginfo_t info{};
    int result = 0;
    do {
        result = raw::waitid(P_PIDFD, pidfd, &info, options);
    } while (result == -EINTR);
    if (result < 0) {
        throw SysError(-result, "wait for process");
    }
    return info.si_pid == 0 ? std::nullopt : std::optional(exit_status_of(info));
}

std::optional<ReapedChild> reap_any_child() {
    siginfo_t info{};
    const int result = raw::waitid(P_ALL, 0, &info, WEXITED | WNOHANG);
    if (result < 0 && result != -ECHILD) {
        throw SysError(-result, "wait for any child");
    }
    if (result < 0 || info.si_pid == 0) {
        return std::nullopt;
    }
    return ReapedChild{.pid = info.si_pid, .status = exit_status_of(info)};
}

// --- stored processes

std::optional<uint64_t> parse_start_time(std::string_view stat_text) noexcept {
    // "12 (name) S 1 …": the name may hold anything, brackets too, so look from the right.
    const auto bracket = stat_text.rfind(')');
    if (bracket == stat_text.npos) {
        return std::nullopt;
    }
    constexpr int kFieldsBetween = 20;  // after the name, field 3 (state) … field 22
    std::string_view rest = stat_text.substr(bracket + 1);
    std::string_view field;
    for (int i = 0; i < kFieldsBetween; ++i) {
        const auto start = rest.find_first_not_of(' ');
        if (start == rest.npos) {
            return std::nullopt;
        }
        rest.remove_prefix(start);
        const auto end = std::min(rest.find(' '), rest.size());
        field = rest.substr(0, end);
        rest.remove_prefix(end);
    }
    return parse_uint64(field);
}

std::optional<uint64_t> process_start_time(pid_t pid) {
    // One read: the kernel gives the line, of 52 numbers and a short name, as a whole. Listings ask
    // for a thousand of them.
    constexpr size_t kMostBytes = 2048;
    const std::string path = fmt::format("/proc/{}/stat", pid);
    const int fd = raw::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd == -ENOENT || fd == -ESRCH) {
        return std::nullopt;
    }
    if (fd < 0) {
        throw SysError(-fd, "open {}", path);
    }
    const UniqueFd file(fd);
    std::array<char, kMostBytes> line{};
    const long size = raw::read(fd, line.data(), line.size());
    if (size == -ESRCH) {  // it ended between open and read
        return std::nullopt;
    }
    if (size < 0) {
        throw SysError(static_cast<int>(-size), "read {}", path);
    }
    return parse_start_time({line.data(), static_cast<size_t>(size)});
}

ProcessId own_process_id() {
    const pid_t pid = ::getpid();
    const auto start_time = process_start_time(pid);
    if (!start_time) {
        throw Error(ErrorKind::internal, "/proc/{}/stat: own start time is not to be found", pid);
    }
    return {.pid = pid, .start_time = *start_time};
}

std::optional<UniqueFd> find_process(const ProcessId& id) {
    if (id.pid <= 0) {
        return std::nullopt;
    }
    const int fd = raw::pidfd_open(id.pid);
    if (fd == -ESRCH || fd == -EINVAL) {  // EINVAL, ENOENT: the number is a thread's by now
        return std::nullopt;
    }
    if (fd < 0 && fd != -ENOENT) {
        throw SysError(-fd, "process {}", id.pid);
    }
    UniqueFd pidfd(fd);
    // The pidfd was opened first: if the number changed hands before or after, the start time is
    // another's.
    if (!pidfd || process_start_time(id.pid) != id.start_time || has_ended(pidfd.get())) {
        return std::nullopt;
    }
    return pidfd;
}

std::string boot_id() {
    return std::string(trim(read_file("/proc/sys/kernel/random/boot_id", 128)));
}

// --- signals, standard descriptors

void reset_signals() noexcept {
    for (int signal = 1; signal < NSIG; ++signal) {
        (void)raw::set_disposition(signal, SIG_DFL);  // EINVAL for SIGKILL and SIGSTOP
    }
    (void)raw::set_signal_mask(0);
}

void ignore_signal(int signal) {
    const int result = raw::set_disposition(signal, SIG_IGN);
    if (result < 0) {
        throw SysError(-result, "ignore signal {}", signal);
    }
}

void ensure_standard_fds() {
    for (int fd = 0; fd <= STDERR_FILENO; ++fd) {
        if (raw::fcntl(fd, F_GETFD) != -EBADF) {
            continue;
        }
        // The lowest free number is the one just found closed.
        const int opened = raw::open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
        if (opened != fd) {
            throw SysError(opened < 0 ? -opened : EBADF, "open /dev/null as descriptor {}", fd);
        }
    }
}

}  // namespace nau::sys
