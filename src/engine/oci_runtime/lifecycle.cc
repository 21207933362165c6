#include "engine/oci_runtime/lifecycle.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "engine/oci_runtime/container_dir.h"
#include "engine/oci_runtime/hook_state.h"
#include "engine/oci_runtime/status.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/process.h"
#include "sys/raw.h"

namespace nau::engine::oci_runtime {

namespace {

/// Writes the byte and waits until the reader has closed its end, which it does right before its
/// execve.
void release(const std::string& fifo) {
    const sys::UniqueFd fd = sys::open(fifo, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
    sys::write_all(fd.get(), "0");
    NAU_FAIL_POINT("oci_runtime.start.after_release");
    while ((sys::poll(fd.get(), 0, std::chrono::milliseconds(-1)) & POLLERR) == 0) {
    }
}

void check_startable(const ContainerState& state, Status status) {
    switch (status) {
        case Status::created:
            return;
        case Status::stopped:
            throw Error(
                ErrorKind::invalid, "cannot start a container that has stopped: '{}'", state.id);
        case Status::running:
        case Status::paused:
            throw Error(
                ErrorKind::invalid, "cannot start an already running container: '{}'", state.id);
        case Status::creating:
            throw Error(ErrorKind::invalid, "container '{}' is still being created", state.id);
    }
}

std::unique_ptr<runtime::cgroup::CgroupManager> need_groups(const ContainerState& state) {
    auto groups = open_groups(state);
    if (!groups) {
        throw Error(ErrorKind::unsupported, "container '{}' has no control group", state.id);
    }
    return groups;
}

Error not_running(const ContainerState& state, Status status) {
    // containerd knows an ended container by "container not running".
    return Error(
        ErrorKind::invalid, "container not running: '{}' is {}", state.id, to_string(status));
}

}  // namespace

void start_container(const std::string& root, const std::string& id) {
    const ContainerDir directory(root, id);
    const sys::FileLock lock = directory.lock();
    const ContainerState state = directory.read_state();
    check_startable(state, find_status(directory, state));
    NAU_FAIL_POINT("oci_runtime.start.before_release");
    release(directory.fifo_path());
    (void)sys::unlink_if_exists(directory.fifo_path());
    run_poststart_hooks(directory.read_spec(), state);
}

void kill_container(const std::string& root, const std::string& id, const KillOptions& options) {
    const ContainerDir directory(root, id);
    const ContainerState state = directory.read_state();
    const auto init = find_init(state);
    // Without a pid namespace of their own the others outlive the first one.
    const bool to_all =
        options.to_all || (options.signal == SIGKILL && !state.has_own_pid_namespace);
    const auto groups = to_all ? open_groups(state) : nullptr;
    if (groups && groups->exists()) {
        if (options.signal == SIGKILL) {
            groups->kill_all();
        } else {
            groups->signal_all(options.signal);
        }
        return;
    }
    if (!init) {
        if (options.to_all) {
            return;
        }
        throw not_running(state, find_status(directory, state));
    }
    if (!sys::send_signal(init->get(), options.signal)) {
        throw not_running(state, Status::stopped);
    }
    if (options.signal == SIGKILL) {
        if (const auto frozen = open_groups(state); frozen && frozen->is_frozen()) {
            frozen->thaw();  // v1: a frozen process dies when it thaws
        }
    }
}

void pause_container(const std::string& root, const std::string& id) {
    const ContainerDir directory(root, id);
    const ContainerState state = directory.read_state();
    const Status status = find_status(directory, state);
    if (status != Status::running && status != Status::created) {
        throw not_running(state, status);
    }
    need_groups(state)->freeze();
}

void resume_container(const std::string& root, const std::string& id) {
    const ContainerDir directory(root, id);
    const ContainerState state = directory.read_state();
    const auto groups = need_groups(state);
    if (!find_init(state)) {
        throw not_running(state, Status::stopped);
    }
    if (!groups->is_frozen()) {
        throw Error(ErrorKind::invalid, "container not paused: '{}'", state.id);
    }
    groups->thaw();
}

}  // namespace nau::engine::oci_runtime
