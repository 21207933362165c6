#include "runtime/handshake.h"

#include <cerrno>
#include <cstring>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <utility>

#include <fmt/core.h>

#include "base/assert.h"
#include "base/error.h"
#include "sys/capabilities.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/raw.h"

namespace nau::runtime {

namespace raw = sys::raw;

namespace {

SyncMessage to_message(const std::string& bytes) {
    if (bytes.size() != sizeof(SyncMessage)) {
        throw Error(ErrorKind::internal,
                    "the starting process sent {} bytes instead of {}",
                    bytes.size(),
                    sizeof(SyncMessage));
    }
    SyncMessage message;
    memcpy(&message, bytes.data(), sizeof message);
    message.text[sizeof message.text - 1] = '\0';
    return message;
}

std::string describe_message(const SyncMessage& message, const DescribeObject& describe) {
    std::string text = describe(static_cast<Step>(message.step), message.object);
    if (message.text[0] != '\0') {
        text += fmt::format(" ({})", message.text);
    }
    return text;
}

sys::UniqueFd take_fd(sys::Message& message) {
    if (message.fds.size() != 1) {
        throw Error(ErrorKind::internal, "the starting process sent no descriptor");
    }
    return std::move(message.fds.front());
}

/// The child is gone without a word: killed from outside, or by the OOM killer.
[[noreturn]] void throw_died(sys::Child& child) {
    const sys::ExitStatus status = child.wait();
    throw LaunchError(
        Step::died,
        0,
        status.is_signaled()
            ? fmt::format("the starting process was killed by signal {}", status.signal)
            : fmt::format("the starting process ended with status {}", status.code));
}

template <typename Answer, typename... Args>
void give_answer(const Answer& answer, Args&&... args) {
    if (!answer) {
        throw Error(ErrorKind::internal, "the starting process asked for what was not planned");
    }
    answer(std::forward<Args>(args)...);
}

}  // namespace

void say_proceed(int socket) {
    SyncMessage message;
    message.kind = SyncKind::proceed;
    sys::send_message(socket,
                      std::string_view(reinterpret_cast<const char*>(&message), sizeof message));
}

HandshakeResult read_handshake(int socket,
                               sys::Child& child,
                               const DescribeObject& describe,
                               const HandshakeAnswers& answers) {
    HandshakeResult result;
    bool is_executing = false;
    std::optional<LaunchError> failure;
    for (;;) {
        // After a failure the end of file is awaited all the same: the messages of the two stages
        // of an exec may overtake each other, and both processes have to be reaped.
        auto received = sys::receive_message(socket, sizeof(SyncMessage), 1);
        if (!received) {
            break;
        }
        const SyncMessage message = to_message(received->bytes);
        switch (message.kind) {
            case SyncKind::warning:
                result.warnings.push_back(fmt::format(
                    "{}: {}", describe_message(message, describe), errno_text(message.error)));
                break;
            case SyncKind::console:
                result.console = take_fd(*received);
                break;
            case SyncKind::process:
                result.process.emplace(message.pid, take_fd(*received));
                if (answers.stops_at_process) {
                    return result;
                }
                break;
            case SyncKind::executing:
                is_executing = true;
                break;
            case SyncKind::waiting:
                result.is_waiting = true;
                return result;
            case SyncKind::error:
                failure.emplace(static_cast<Step>(message.step),
                                message.error,
                                describe_message(message, describe));
                break;
            case SyncKind::environment:
                give_answer(answers.environment);
                say_proceed(socket);
                break;
            case SyncKind::listener:
                give_answer(answers.listener, take_fd(*received));
                break;
            case SyncKind::proceed:
                throw Error(ErrorKind::internal, "the starting process sent an unknown message");
        }
    }
    if (failure) {
        (void)child.wait();
        throw *failure;
    }
    if (!is_executing) {
        throw_died(result.process ? *result.process : child);
    }
    return result;
}

std::string describe_process_step(const ProcessPlan& process, Step step, uint32_t object) {
    const std::string& command = process.argv.front();
    switch (step) {
        case Step::find_command:
            return fmt::format("find {}{}", command, process.search_path.empty() ? "" : " in PATH");
        case Step::exec:
            return fmt::format("exec {}", command);
        case Step::working_directory:
            return fmt::format("change to the working directory {}", process.cwd);
        case Step::rlimit:
            return fmt::format("set {}",
                               object < process.rlimits.size() ? process.rlimits[object].name
                                                               : "a resource limit");
        case Step::user:
            return fmt::format("become user {}:{}", process.uid, process.gid);
        case Step::groups:
            return "set the supplementary groups";
        case Step::capabilities:
            return object == 0
                       ? "set the capabilities"
                       : fmt::format("set the capabilities (at {})", sys::capability_name(object));
        case Step::seccomp:
            return "load the seccomp filter";
        case Step::oom_score_adj:
            return "set oom_score_adj";
        case Step::terminal:
            return object == 0   ? "open a terminal in the container's /dev/pts"
                   : object == 1 ? "make /dev/console"
                                 : "take the terminal";
        case Step::stdio:
            return "arrange the descriptors";
        case Step::join_cgroup:
            return "join the control groups";
        case Step::keyring:
            return "join a session keyring";
        case Step::security_label:
            return fmt::format(
                "set the security label {}",
                process.apparmor_exec.empty() ? process.selinux_exec : process.apparmor_exec);
        case Step::scheduler:
            return object == 0 ? "set the scheduler" : "set the processor affinity";
        default:
            return fmt::format("starting: {}", to_string(step));
    }
}

std::vector<std::string> clamp_rlimits(ProcessPlan& process) {
    std::vector<std::string> warnings;
    if (process.rlimits.empty()) {
        return warnings;
    }
    const auto own = sys::own_capabilities();
    if (own.effective.contains(CAP_SYS_RESOURCE)) {
        return warnings;
    }
    for (RlimitSetting& limit : process.rlimits) {
        rlimit current = {};
        const int result = raw::prlimit(0, limit.resource, nullptr, &current);
        if (result < 0) {
            throw SysError(-result, "read {}", limit.name);
        }
        if (limit.hard > current.rlim_max) {
            warnings.push_back(
                fmt::format("{} is lowered from {} to {}, which may not be raised "
                            "here without CAP_SYS_RESOURCE",
                            limit.name,
                            limit.hard,
                            current.rlim_max));
            limit.hard = current.rlim_max;
            limit.soft = std::min<uint64_t>(limit.soft, limit.hard);
        }
    }
    return warnings;
}

std::vector<char*> to_pointers(const std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (const std::string& text : strings) {
        pointers.push_back(const_cast<char*>(text.c_str()));
    }
    pointers.push_back(nullptr);
    return pointers;
}

StdioSources choose_stdio(const StdioFds& stdio, bool terminal) {
    StdioSources sources;
    const int given[3] = {stdio.in, stdio.out, stdio.err};
    for (int i = 0; i < 3; ++i) {
        if (given[i] < 0 && !terminal && !sources.null) {
            sources.null = sys::open("/dev/null", O_RDWR);
        }
        sources.fds[i] = given[i] >= 0 && !terminal ? given[i] : sources.null.get();
    }
    return sources;
}

uint64_t start_time_of(pid_t pid) {
    const auto start_time = sys::process_start_time(pid);
    if (!start_time) {
        throw Error(ErrorKind::internal, "process {} is gone, although nobody has reaped it", pid);
    }
    return *start_time;
}

Cloned clone_process(uint64_t flags, int cgroup_fd) {
    int pidfd = -1;
    raw::CloneArgs args = {};
    args.flags = flags | CLONE_PIDFD;
    args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    if (cgroup_fd >= 0) {
        args.flags |= raw::kCloneIntoCgroup;
        args.cgroup = static_cast<uint64_t>(cgroup_fd);
    }
    const long pid = raw::clone3(args);
    if (pid < 0) {
        throw LaunchError(Step::clone, static_cast<int>(-pid), "make the process");
    }
    return {static_cast<pid_t>(pid), sys::UniqueFd(pid == 0 ? -1 : pidfd)};
}

void assert_single_threaded() {
    // The number of links of the directory is two plus the number of threads.
    struct ::stat status = sys::stat("/proc/self/task");
    NAU_ASSERT(status.st_nlink == 3);
}

}  // namespace nau::runtime
