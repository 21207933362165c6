#include "engine/oci_runtime/delete_container.h"

#include <csignal>

#include <fmt/core.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "engine/oci_runtime/hook_state.h"
#include "engine/oci_runtime/status.h"
#include "runtime/hooks.h"
#include "sys/process.h"

namespace nau::engine::oci_runtime {

namespace {

constexpr std::chrono::seconds kPatience{10};

void kill_init(const ContainerState& state) {
    const auto init = find_init(state);
    if (!init) {
        return;
    }
    (void)sys::send_signal(init->get(), SIGKILL);
    if (const auto groups = open_groups(state)) {
        groups->thaw();  // v1: a frozen process dies when it thaws
    }
    if (!sys::wait_ended(init->get(), kPatience)) {
        throw Error(ErrorKind::in_use,
                    "container '{}': process {} does not end, although it was killed",
                    state.id,
                    state.init.pid)
            .with_hint("it may wait for a device or a file server; try again later");
    }
}

/// Empty when a create was killed before it had copied it: then no hook was run either.
oci::RuntimeSpec find_spec(const ContainerDir& directory) {
    try {
        return directory.read_spec();
    } catch (const Error& error) {
        NAU_LOG_DEBUG("deleting without a spec: {}", error.what());
        return {};
    }
}

void check_stopped(const ContainerDir& directory, const ContainerState& state) {
    const Status status = find_status(directory, state);
    // One that was never started holds nothing that anybody could miss.
    if (status != Status::stopped && status != Status::created) {
        throw Error(ErrorKind::in_use,
                    "cannot delete container '{}' that is not stopped: {}",
                    state.id,
                    to_string(status))
            .with_hint("'kill' ends it, or --force deletes it all the same");
    }
}

}  // namespace

void finish_container(const ContainerDir& directory,
                      const ContainerState& state,
                      const oci::RuntimeSpec& spec) {
    if (const auto groups = open_groups(state)) {
        groups->remove();
    }
    NAU_FAIL_POINT("oci_runtime.delete.after_groups");
    directory.remove();
    runtime::run_poststop_hooks(spec.hooks.poststop, hook_state(state, "stopped"));
}

void delete_container(const std::string& root, const std::string& id, Force force) {
    const ContainerDir directory(root, id);
    if (!directory.exists() && force == Force::yes) {
        return;
    }
    const sys::FileLock lock = directory.lock();
    const auto state = directory.find_state();
    if (!state) {
        directory.remove();  // a create was killed before it had made anything
        return;
    }
    if (force == Force::no) {
        check_stopped(directory, *state);
    }
    kill_init(*state);
    NAU_FAIL_POINT("oci_runtime.delete.after_kill");
    finish_container(directory, *state, find_spec(directory));
}

}  // namespace nau::engine::oci_runtime
