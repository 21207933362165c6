#pragma once

// The parent's side of sync.h: reads messages until the command runs, waits, or has failed; and
// what launch and exec have in common around it.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/launch.h"
#include "runtime/plan.h"
#include "runtime/sync.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace nau::runtime {

/// What a message's step and object are called in a text: "mount tmpfs on /dev/shm".
using DescribeObject = std::function<std::string(Step step, uint32_t object)>;

/// What the parent does when the child asks for it; what is not given is not expected.
struct HandshakeAnswers {
    std::function<void()> environment = {};  ///< then `proceed` is sent
    std::function<void(sys::UniqueFd listener)> listener = {};
    /// Returns at `process`: what follows is heard from that one.
    bool stops_at_process = false;
};

struct HandshakeResult {
    sys::UniqueFd console;
    std::vector<std::string> warnings;
    bool is_waiting = false;
    /// The process that `process` announced (of exec sessions, and in a joined user namespace);
    /// owned, so that it is killed and reaped on the way out of a failure.
    std::optional<sys::Child> process;
};

/// Returns when the other end is closed after `executing`, or says `waiting`. `child` is the
/// process that clone3 made: it is reaped before a failure is thrown. @throws LaunchError
HandshakeResult read_handshake(int socket,
                               sys::Child& child,
                               const DescribeObject& describe,
                               const HandshakeAnswers& answers = {});

void say_proceed(int socket);

/// "exec /bin/x", "user 1000:1000" …: steps that an exec session has too.
std::string describe_process_step(const ProcessPlan& process, Step step, uint32_t object);

/// The caller's own limits bound what a child can be given: raising a hard limit takes
/// CAP_SYS_RESOURCE. Lowers what is too high and says so.
std::vector<std::string> clamp_rlimits(ProcessPlan& process);

/// Pointers into the strings, with the final null.
std::vector<char*> to_pointers(const std::vector<std::string>& strings);

/// Descriptors 0, 1, 2 of the child; /dev/null of the host where none is given.
struct StdioSources {
    int fds[3] = {-1, -1, -1};
    sys::UniqueFd null;
};
StdioSources choose_stdio(const StdioFds& stdio, bool terminal);

/// Reads the start time of a child, which may have ended already but is not reaped.
uint64_t start_time_of(pid_t pid);

/// clone3() without CLONE_VM. 0 in the child. @throws LaunchError{Step::clone}
struct Cloned {
    pid_t pid = -1;
    sys::UniqueFd pidfd;
};
Cloned clone_process(uint64_t flags, int cgroup_fd);

/// The caller must be single-threaded: a lock that another thread holds would stay locked in the
/// child for ever. (Asserted.)
void assert_single_threaded();

}  // namespace nau::runtime
