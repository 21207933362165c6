// The part of sys/process.h that starts programs.
//
// The parent works out everything in plain arrays; the child, which runs in the parent's memory
// while the parent stands still, walks them with raw system calls, and writes into the plan what
// failed. It has a stack of its own and never returns.

#include <algorithm>
#include <cerrno>
#include <climits>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/scope_exit.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/raw.h"

namespace nau::sys {

namespace {

constexpr size_t kStackSize = size_t{64} * 1024;

enum class Step { none, session, process_group, death_signal, directory, descriptors, execute };

const char* text_of(Step step) noexcept {
    switch (step) {
        case Step::none:
            break;
        case Step::session:
            return "setsid for";
        case Step::process_group:
            return "setpgid for";
        case Step::death_signal:
            return "parent death signal for";
        case Step::directory:
            return "change directory for";
        case Step::descriptors:
            return "pass descriptors to";
        case Step::execute:
            return "execute";
    }
    return "start";
}

struct FdMove {
    int source;
    int target;
    bool source_is_a_target;  // of another move: it must get out of the way first
};

struct FdRange {
    unsigned first;
    unsigned last;
};

/// All the child needs, in plain data. step and error are its answer.
struct SpawnPlan {
    const char* path;  // "" with a descriptor
    int executable_fd;
    char* const* argv;
    char* const* env;
    const char* cwd;  // null: stay
    FdMove* moves;
    size_t move_count;
    const FdRange* closed;
    size_t closed_count;
    int first_free_fd;  // above all targets
    pid_t parent;
    bool new_session;
    bool set_process_group;
    pid_t process_group;
    bool reset_signals;
    uint64_t signal_mask;
    int parent_death_signal;

    Step step;
    int error;
};

#define NAU_UNINSTRUMENTED __attribute__((no_sanitize("address", "undefined", "thread")))

/// The parent's handlers must not run here, in its memory: caught signals become default, which
/// exec would do anyway; ignored ones stay ignored unless asked otherwise.
NAU_UNINSTRUMENTED void drop_handlers(bool also_ignored) noexcept {
    for (int signal = 1; signal < NSIG; ++signal) {
        if (!also_ignored) {
            raw::KernelSigaction current{};
            (void)raw::call(__NR_rt_sigaction, signal, 0, raw::arg(&current), sizeof(uint64_t));
            if (current.handler == SIG_IGN) {
                continue;
            }
        }
        (void)raw::set_disposition(signal, SIG_DFL);  // EINVAL for SIGKILL and SIGSTOP
    }
}

NAU_UNINSTRUMENTED int place_descriptors(SpawnPlan& plan) noexcept {
    for (size_t i = 0; i < plan.move_count; ++i) {
        FdMove& move = plan.moves[i];
        if (!move.source_is_a_target) {
            continue;
        }
        move.source = raw::fcntl(move.source, F_DUPFD_CLOEXEC, plan.first_free_fd);
        if (move.source < 0) {
            return move.source;
        }
    }
    for (size_t i = 0; i < plan.move_count; ++i) {
        const FdMove& move = plan.moves[i];
        const int result = move.source == move.target ? raw::fcntl(move.target, F_SETFD, 0)
                                                      : raw::dup3(move.source, move.target, 0);
        if (result < 0) {
            return result;
        }
    }
    for (size_t i = 0; i < plan.closed_count; ++i) {
        // Before Linux 5.11 EINVAL: then close-on-exec at creation must do, as it does in nau.
        (void)raw::close_range(plan.closed[i].first, plan.closed[i].last, raw::kCloseRangeCloexec);
    }
    return 0;
}

NAU_UNINSTRUMENTED int prepare(SpawnPlan& plan) noexcept {
    if (plan.new_session) {
        plan.step = Step::session;
        if (const int result = raw::setsid(); result < 0) {
            return result;
        }
    }
    if (plan.set_process_group) {
        plan.step = Step::process_group;
        if (const int result = raw::setpgid(0, plan.process_group); result < 0) {
            return result;
        }
    }
    if (plan.parent_death_signal != 0) {
        plan.step = Step::death_signal;
        if (const int result = raw::prctl(PR_SET_PDEATHSIG, plan.parent_death_signal); result < 0) {
            return result;
        }
        if (raw::getppid() != plan.parent) {  // it died before the signal was ordered
            return -ESRCH;
        }
    }
    if (plan.cwd != nullptr) {
        plan.step = Step::directory;
        if (const int result = raw::chdir(plan.cwd); result < 0) {
            return result;
        }
    }
    plan.step = Step::descriptors;
    return place_descriptors(plan);
}

NAU_UNINSTRUMENTED int run_child(void* argument) noexcept {
    SpawnPlan& plan = *static_cast<SpawnPlan*>(argument);
    drop_handlers(plan.reset_signals);
    int result = prepare(plan);
    if (result == 0) {
        (void)raw::set_signal_mask(plan.reset_signals ? 0 : plan.signal_mask);
        plan.step = Step::execute;
        result = plan.executable_fd >= 0
                     ? raw::execveat(plan.executable_fd, "", plan.argv, plan.env, AT_EMPTY_PATH)
                     : raw::execve(plan.path, plan.argv, plan.env);
    }
    plan.error = -result;
    raw::exit(127);
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (const auto& string : strings) {
        pointers.push_back(const_cast<char*>(string.c_str()));  // exec does not write to them
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// The caller's wishes about descriptors as moves and as the gaps between what is kept.
struct FdPlan {
    std::vector<FdMove> moves;
    std::vector<FdRange> closed;
    int first_free_fd = STDERR_FILENO + 1;
    UniqueFd null;
};

void add_move(FdPlan& plan, int source, int target) {
    if (source == SpawnOptions::kInherit) {
        return;
    }
    if (source == SpawnOptions::kNull) {
        if (!plan.null) {
            plan.null = open("/dev/null", O_RDWR);
        }
        source = plan.null.get();
    }
    plan.moves.push_back({.source = source, .target = target, .source_is_a_target = false});
}

FdPlan plan_descriptors(const SpawnOptions& options) {
    FdPlan plan;
    plan.moves.reserve(options.fds.size() + 4);
    add_move(plan, options.stdin_fd, STDIN_FILENO);
    add_move(plan, options.stdout_fd, STDOUT_FILENO);
    add_move(plan, options.stderr_fd, STDERR_FILENO);
    std::vector<int> targets = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    for (const auto& mapping : options.fds) {
        NAU_ASSERT(mapping.source >= 0 && mapping.target > STDERR_FILENO);
        add_move(plan, mapping.source, mapping.target);
        targets.push_back(mapping.target);
    }
    std::ranges::sort(targets);
    NAU_ASSERT(std::ranges::adjacent_find(targets) == targets.end());
    plan.first_free_fd = targets.back() + 1;
    for (auto& move : plan.moves) {
        move.source_is_a_target =
            move.source != move.target && std::ranges::binary_search(targets, move.source);
    }
    for (size_t i = 2; i < targets.size(); ++i) {
        const auto first = static_cast<unsigned>(targets[i]) + 1;
        const auto last =
            i + 1 < targets.size() ? static_cast<unsigned>(targets[i + 1]) - 1 : UINT_MAX;
        if (first <= last) {
            plan.closed.push_back({.first = first, .last = last});
        }
    }
    return plan;
}

/// A stack that goes away again: the caller may be a monitor that counts its pages.
class ChildStack {
  public:
    ChildStack() {
        memory_ = ::mmap(nullptr,
                         kStackSize,
                         PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK,
                         -1,
                         0);
        if (memory_ == MAP_FAILED) {
            throw SysError(errno, "allocate a stack");
        }
    }
    ~ChildStack() { (void)::munmap(memory_, kStackSize); }
    ChildStack(const ChildStack&) = delete;
    ChildStack& operator=(const ChildStack&) = delete;

    void* top() const noexcept { return static_cast<char*>(memory_) + kStackSize; }

  private:
    void* memory_;
};

Child clone_and_exec(SpawnPlan& plan, const std::string& program) {
    const ChildStack stack;
    // No handler may run in the child before it has dropped them all.
    const uint64_t all = ~uint64_t{0};
    (void)raw::call(__NR_rt_sigprocmask,
                    SIG_SETMASK,
                    raw::arg(&all),
                    raw::arg(&plan.signal_mask),
                    sizeof(uint64_t));
    int pidfd = -1;
    const int pid = ::clone(
        run_child, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
    const int clone_error = errno;
    (void)raw::set_signal_mask(plan.signal_mask);
    if (pid < 0) {
        throw SysError(clone_error, "clone for {}", program);
    }
    Child child(pid, UniqueFd(pidfd));
    if (plan.error != 0) {
        (void)child.wait();  // it has ended: plan.error is the last thing it wrote
        throw SysError(plan.error, "{} {}", text_of(plan.step), program);
    }
    return child;
}

}  // namespace

Child spawn(const SpawnOptions& options) {
    NAU_ASSERT(!options.argv.empty());
    NAU_ASSERT(!(options.new_session && options.process_group));
    FdPlan fds = plan_descriptors(options);
    const std::vector<char*> argv = pointers_to(options.argv);
    std::vector<char*> env;
    if (options.env) {
        env = pointers_to(*options.env);
    }
    UniqueFd executable_copy;
    int executable_fd = options.executable_fd;
    if (executable_fd >= 0 && executable_fd < fds.first_free_fd) {
        // Out of the way of the targets.
        executable_copy.reset(::fcntl(executable_fd, F_DUPFD_CLOEXEC, fds.first_free_fd));
        if (!executable_copy) {
            throw SysError(errno, "duplicate descriptor {}", executable_fd);
        }
        executable_fd = executable_copy.get();
    }
    SpawnPlan plan = {.path = options.path.c_str(),
                      .executable_fd = executable_fd,
                      .argv = argv.data(),
                      .env = options.env ? env.data() : environ,
                      .cwd = options.cwd.empty() ? nullptr : options.cwd.c_str(),
                      .moves = fds.moves.data(),
                      .move_count = fds.moves.size(),
                      .closed = fds.closed.data(),
                      .closed_count = fds.closed.size(),
                      .first_free_fd = fds.first_free_fd,
                      .parent = ::getpid(),
                      .new_session = options.new_session,
                      .set_process_group = options.process_group.has_value(),
                      .process_group = options.process_group.value_or(0),
                      .reset_signals = options.reset_signals,
                      .signal_mask = 0,
                      .parent_death_signal = options.parent_death_signal,
                      .step = Step::none,
                      .error = 0};
    return clone_and_exec(plan, options.path.empty() ? options.argv.front() : options.path);
}

}  // namespace nau::sys
