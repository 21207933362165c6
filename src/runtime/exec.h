#pragma once

// One more process in a running task: joins the namespaces of its first process by pidfd, its
// control groups, and is confined as it is before it can be seen from inside.
//
// The joining process enters the pid namespace last: it sets everything up where the container
// cannot see it (namespaces, root, credentials), forks, and only the fork, which holds no
// descriptor of the host but a close-on-exec socket and no privilege that the container does not
// have, appears inside (CVE-2016-9962). Its parent is the caller.

#include <optional>
#include <string>
#include <vector>

#include "oci/runtime_spec.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/launch.h"
#include "sys/process.h"

namespace nau::runtime {

struct ExecOptions {
    /// The task's first process: verified against its start time, then used by pidfd only.
    sys::ProcessId target;
    std::string id;
    std::string bundle;  ///< for the state that a seccomp agent is sent

    const oci::spec::Process* process = nullptr;  ///< required
    /// The task's own spec: its seccomp filter, namespaces and uid maps.
    const oci::RuntimeSpec* spec = nullptr;  ///< required

    StdioFds stdio;                  ///< unused when process.terminal
    std::vector<int> preserved_fds;  ///< become 3, 4, …; borrowed
    const cgroup::CgroupManager* cgroup = nullptr;
    bool kill_with_parent = false;
};

/// Returns when the command runs. @throws as launch(); Error{not_found} when the target has ended
LaunchedTask exec_in(const ExecOptions& options);

}  // namespace nau::runtime
