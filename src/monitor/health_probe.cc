#include "monitor/health_probe.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "sys/file.h"
#include "sys/pipe.h"

namespace nau::monitor {

namespace {

using std::chrono::milliseconds;

constexpr size_t kMaxSpec = 16 * 1024 * 1024;
constexpr size_t kMaxReport = 1024;
constexpr size_t kMaxOutput = 64 * 1024;
/// The probe kills the command at its time-out; should the probe itself hang, so long after.
constexpr std::chrono::seconds kGrace{5};
/// What the shells of this field say of a command that took too long.
constexpr int kNoResult = -1;

// Where the probe finds what it is given.
constexpr int kSpecFd = 3;
constexpr int kOutputFd = 4;
constexpr int kReportFd = 5;

void report(int code, std::string_view text) noexcept {
    try {
        const std::string line = fmt::format("{} {}", code, text.substr(0, kMaxReport - 16));
        sys::write_all(kReportFd, line);
    } catch (const std::exception&) {  // the monitor has gone
    }
}

/// Moves the three descriptors to their places and closes the rest: the run lock and the clients
/// are the monitor's.
bool arrange_descriptors(int spec, int output, int result) noexcept {
    std::array<int, 3> sources = {spec, output, result};
    for (int& source : sources) {
        source = ::fcntl(source, F_DUPFD_CLOEXEC, 16);
        if (source < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < sources.size(); ++i) {
        if (::dup3(sources[i], kSpecFd + static_cast<int>(i), O_CLOEXEC) < 0) {
            return false;
        }
    }
    return ::close_range(kReportFd + 1, ~0U, 0) == 0;
}

/// All that the probe does. The exit status means nothing; the report does.
void probe(Launcher& launcher, const HealthProbe::Request& request) noexcept {
    try {
        (void)::lseek(kSpecFd, 0, SEEK_SET);
        const std::string spec = sys::read_fd(kSpecFd, kMaxSpec);
        const runtime::LaunchedTask task =
            launcher.launch_inside({.config = request.config,
                                    .spec_text = spec,
                                    .argv = request.command.argv,
                                    .target = request.target,
                                    .stdio = {.in = -1, .out = kOutputFd, .err = kOutputFd}});
        (void)::close(kOutputFd);
        const auto timeout = request.command.timeout.count() > 0
                                 ? std::chrono::ceil<milliseconds>(request.command.timeout)
                                 : milliseconds(-1);
        if (const auto status = sys::wait_pidfd(task.pidfd.get(), timeout)) {
            report(status->shell_code(), "");
            return;
        }
        (void)sys::send_signal(task.pidfd.get(), SIGKILL);
        (void)sys::wait_pidfd(task.pidfd.get(), kGrace);
        report(kNoResult,
               fmt::format("Health check exceeded timeout ({:g}s)",
                           std::chrono::duration<double>(request.command.timeout).count()));
    } catch (const Error& error) {
        report(kNoResult, error.text());
    } catch (const std::exception& error) {
        report(kNoResult, error.what());
    }
}

}  // namespace

HealthProbe::HealthProbe(sys::EventLoop& loop, Launcher& launcher, const Request& request)
    : loop_(loop),
      started_at_(SystemClock().now()),
      max_output_(request.max_output == 0 ? kMaxOutput : request.max_output) {
    sys::Pipe output = sys::pipe2();
    sys::Pipe result = sys::pipe2();
    pid_ = ::fork();
    if (pid_ < 0) {
        throw SysError(errno, "fork");
    }
    if (pid_ == 0) {
        if (arrange_descriptors(request.spec_fd, output.write.get(), result.write.get())) {
            probe(launcher, request);
        }
        ::_exit(0);
    }
    pidfd_ = sys::pidfd_open(pid_);
    output_ = std::move(output.read);
    report_ = std::move(result.read);
    sys::set_nonblocking(output_.get(), true);
    sys::set_nonblocking(report_.get(), true);
    loop_.add_fd(output_.get(), EPOLLIN, [this](uint32_t) { read_output(); });
    if (request.command.timeout.count() > 0) {
        timer_ = loop_.add_timer(request.command.timeout + 2 * kGrace, [this] {
            (void)sys::send_signal(pidfd_.get(), SIGKILL);  // finish() finds no report
        });
    }
}

HealthProbe::~HealthProbe() {
    loop_.remove_fd(output_.get());
    loop_.cancel_timer(timer_);
    try {
        (void)sys::send_signal(pidfd_.get(), SIGKILL);
    } catch (const Error& error) {
        NAU_LOG_WARN("health check: {}, ignoring", error.text());
    }
}

void HealthProbe::read_output() {
    std::array<char, 4096> bytes;
    // Bounded: a command that never stops writing must not keep the loop.
    for (int round = 0; round < 16; ++round) {
        const ssize_t count =
            sys::retry([&] { return ::read(output_.get(), bytes.data(), bytes.size()); });
        if (count <= 0) {
            if (count == 0) {
                loop_.remove_fd(output_.get());
            }
            return;
        }
        const size_t room = max_output_ - std::min(max_output_, text_.size());
        text_.append(bytes.data(), std::min(room, static_cast<size_t>(count)));
    }
}

HealthResult HealthProbe::finish() {
    read_output();
    loop_.remove_fd(output_.get());
    HealthResult result{.start = started_at_,
                        .end = SystemClock().now(),
                        .exit_code = kNoResult,
                        .output = std::move(text_)};
    std::array<char, kMaxReport> bytes;
    const ssize_t count =
        sys::retry([&] { return ::read(report_.get(), bytes.data(), bytes.size()); });
    std::string_view text(bytes.data(), static_cast<size_t>(std::max<ssize_t>(count, 0)));
    std::string_view reason = "the check was killed";
    if (const size_t blank = text.find(' '); blank != std::string_view::npos) {
        result.exit_code = text.front() == '-'
                               ? kNoResult
                               : static_cast<int>(parse_uint64(text.substr(0, blank)).value_or(1));
        reason = text.substr(blank + 1);
    }
    if (result.exit_code == kNoResult) {
        result.output += reason;
    }
    return result;
}

}  // namespace nau::monitor
