#include "engine/container/task.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/container/container_config.h"
#include "engine/container/mount_container.h"
#include "engine/container/supervision.h"
#include "engine/container/user_namespace.h"
#include "engine/engine.h"
#include "engine/network/container_network.h"
#include "engine/store/upkeep.h"
#include "engine/system/record_event.h"
#include "engine/volume/volumes.h"
#include "monitor/protocol.h"
#include "monitor/task_state.h"
#include "oci/runtime_spec.h"
#include "storage/rebuild/copies.h"
#include "storage/trash.h"
#include "sys/file.h"
#include "sys/process.h"

namespace nau::engine {

namespace {

using storage::ContainerState;
using storage::ContainerStatus;

/// A killed process is gone within this, unless the kernel itself is stuck.
constexpr std::chrono::seconds kKillPatience{10};
bool is_stored_alive(const ContainerState& state) noexcept {
    return state.status == ContainerStatus::running || state.status == ContainerStatus::paused ||
           state.status == ContainerStatus::stopping || is_restarting(state);
}

void apply_exit_record(const monitor::ExitRecord& record, ContainerState& state) {
    state.finished_at = record.finished_at;
    state.exit_code = record.exit_code;
    state.exit_signal = record.signal;
    state.oom_killed = record.oom_killed;
    state.error = record.error;
    state.restart_count = static_cast<int64_t>(record.restart_count);
}

/// The monitor's word if there is one, else what is known without it: that it has ended.
ContainerState ended_state(const ContainerState& stored,
                           const std::optional<monitor::ExitRecord>& record,
                           Time now) {
    ContainerState state = stored;
    state.status = ContainerStatus::exited;
    state.init = {};
    state.monitor = {};
    if (record) {
        apply_exit_record(*record, state);
    } else {
        state.finished_at = now;
        state.exit_code.reset();
        state.error = "the monitor was lost, so nobody saw how it ended";
    }
    return state;
}

/// Where a task's control groups are; when its monitor was killed before it could note that, where
/// the record wants them. Empty: nowhere.
std::string cgroup_path_of(storage::Store& store, const storage::ContainerId& id) {
    if (const auto state = monitor::read_task_state(store.paths().container_run(id))) {
        return state->cgroup_path;
    }
    const auto record = store.records().containers.find(id);
    return record ? oci::parse_runtime_spec(record->spec).linux_.cgroups_path : std::string();
}

}  // namespace

storage::ContainerId find_container(Engine& engine, const std::string& name_or_id) {
    auto& containers = engine.store_for_reading().records().containers;
    if (auto id = containers.resolve(engine.name_space(), name_or_id)) {
        return *id;
    }
    throw Error(ErrorKind::not_found, "no container with name or id '{}'", name_or_id)
        .with_hint("'nau ps -a' lists them");
}

ContainerState known_state(storage::Store& store,
                           const storage::ContainerId& id,
                           const ContainerState& stored) {
    if (is_stored_alive(stored) && find_init(store, stored)) {
        return stored;
    }
    return supervised_state(store, id, stored);
}

storage::Container get_container(storage::Store& store, const storage::ContainerId& id) {
    storage::Container container = store.records().containers.get(id);
    container.state = known_state(store, id, container.state);
    return container;
}

std::optional<storage::ContainerSummary> find_summary(storage::Store& store,
                                                      const storage::ContainerId& id) {
    auto container = store.records().containers.find_summary(id);
    if (container) {
        container->state = known_state(store, id, container->state);
    }
    return container;
}

std::optional<sys::UniqueFd> find_init(storage::Store& store, const ContainerState& state) {
    if (state.init.pid == 0 || state.boot_id != store.boot_id()) {
        return std::nullopt;
    }
    return sys::find_process(state.init);
}

storage::ContainerSummary get_running_container(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_reading();
    const auto id = find_container(engine, name_or_id);
    auto container = find_summary(store, id);
    if (!container) {
        throw Error(ErrorKind::not_found, "container '{}' is gone", name_or_id);
    }
    if (!find_init(store, container->state)) {
        throw Error(ErrorKind::invalid,
                    "container '{}' is not running, it is {}",
                    name_or_id,
                    storage::to_string(actual_state(store, id, container->state).status))
            .with_hint("'nau start' starts it");
    }
    return *std::move(container);
}

void remove_left_cgroup(storage::Store& store, const storage::ContainerId& id) noexcept {
    try {
        const std::string path = cgroup_path_of(store, id);
        if (path.empty()) {
            return;
        }
        const auto cgroup = runtime::cgroup::open_cgroup(runtime::cgroup::detect_layout(), path);
        if (cgroup->exists()) {
            cgroup->kill_all();
            cgroup->remove();
        }
    } catch (const std::exception& error) {
        NAU_LOG_WARN(
            "removing the control groups of {}: {}, ignoring", id.short_id(), error.what());
    }
}

/// A monitor takes its lock file away when it has cleaned up.
static bool was_monitor_killed(storage::Store& store, const storage::ContainerSummary& container) {
    return sys::file_exists(monitor::run_lock_path(store.paths().container_run(container.id))) &&
           !sys::find_process(container.state.monitor);
}

std::unique_ptr<runtime::cgroup::CgroupManager> open_cgroup_of(storage::Store& store,
                                                               const storage::ContainerId& id) {
    const auto state = monitor::read_task_state(store.paths().container_run(id));
    if (!state || state->cgroup_path.empty()) {
        return nullptr;
    }
    return runtime::cgroup::open_cgroup(runtime::cgroup::detect_layout(), state->cgroup_path);
}

/// A stored `paused` is a hint too: whoever wrote it may have been killed before the freezer had
/// its word, or after it had let go.
static bool is_really_paused(storage::Store& store, const storage::ContainerId& id) {
    try {
        const auto cgroup = open_cgroup_of(store, id);
        return cgroup && cgroup->exists() && cgroup->is_frozen();
    } catch (const Error& error) {
        NAU_LOG_WARN("asking whether {} is paused: {}, ignoring", id.short_id(), error.text());
        return true;
    }
}

ContainerState actual_state(storage::Store& store,
                            const storage::ContainerId& id,
                            const ContainerState& stored) {
    // A listing comes here for each container: the process is looked for once.
    const bool is_up = is_stored_alive(stored) && find_init(store, stored).has_value();
    ContainerState state = is_up ? stored : supervised_state(store, id, stored);
    if (!is_stored_alive(state) || is_restarting(state)) {
        return state;
    }
    if (is_up || find_init(store, state)) {
        if (state.status == ContainerStatus::paused && !is_really_paused(store, id)) {
            state.status = ContainerStatus::running;
        }
        return state;
    }
    // Asked before the record is looked for: what a monitor that is gone has left is complete.
    const bool has_monitor =
        state.boot_id == store.boot_id() && sys::find_process(state.monitor).has_value();
    const auto record = known_end(store, id);
    if (!record && has_monitor) {
        state.status = ContainerStatus::stopping;  // its monitor is about to say how it ended
        return state;
    }
    if (!record) {
        // Somebody may have settled it since `stored` was read, and taken the record away.
        const auto settled = store.records().containers.find_state(id);
        if (settled && !is_stored_alive(*settled)) {
            return *settled;
        }
    }
    return ended_state(state, record, store.clock().now());
}

void settle_container(Engine& engine,
                      storage::ContainerLock& lock,
                      const storage::ContainerSummary& container) {
    storage::Store& store = engine.store_for_writing();
    if (!is_stored_alive(container.state) || find_init(store, container.state)) {
        return;
    }
    const auto [goes_on, record] = await_end(store, container.id, container.state);
    if (goes_on) {
        return;
    }
    if (!record || record->monitor_lost) {
        // No monitor was there at the end: nobody has told the journal, nor cleaned up.
        std::map<std::string, std::string> attributes = {
            {"cause",
             std::string(
                 monitor::to_string(record ? record->cause : monitor::ExitCause::unknown))}};
        if (record && record->exit_code) {
            attributes["exitCode"] = std::to_string(*record->exit_code);
        }
        record_event(engine,
                     {.action = "died",
                      .id = container.id.to_string(),
                      .name = container.name,
                      .image = container.image_name,
                      .attributes = std::move(attributes)});
    }
    if (container.auto_remove) {
        delete_container(engine, lock, container);
        return;
    }
    if (was_monitor_killed(store, container)) {
        remove_left_cgroup(store, container.id);
        // Last: it is the sign that there is something to remove.
        (void)sys::unlink_if_exists(
            monitor::run_lock_path(store.paths().container_run(container.id)));
    }
    release_network(engine, container.id);
    keep_last_end(store, container.id, record);
    storage::Transaction tx(store.db());
    store.records().networks.release_addresses(tx, container.id);
    store.records().containers.set_state(
        tx, container.id, ended_state(container.state, record, engine.clock().now()));
    tx.commit(storage::Durability::relaxed);
    sys::remove_tree(store.paths().container_run(container.id));
}

void delete_container(Engine& engine,
                      storage::ContainerLock& lock,
                      const storage::ContainerSummary& container,
                      AnonymousVolumes volumes) {
    storage::Store& store = engine.store_for_writing();
    const storage::SnapshotKey key(container.id);
    drop_container_mount(store, container.id);
    if (was_monitor_killed(store, container)) {
        remove_left_cgroup(store, container.id);
    }
    // A lingering connection may hold the namespace, and with it the interface, for seconds.
    release_network(engine, container.id);
    const bool removes_volumes = volumes == AnonymousVolumes::remove || container.auto_remove;
    std::optional<ContainerConfig> config;
    if (removes_volumes && !container.mounts.empty()) {
        if (const auto record = store.records().containers.find(container.id)) {
            config = parse_container_config(record->config);
        }
    }
    const auto snapshot = store.using_reserve([&] {
        storage::Transaction tx(store.db());
        store.records().containers.remove(tx, container.id);
        auto removed = store.snapshots().remove(tx, key);
        store.records().leases.remove(tx, layers_lease(container.id));
        tx.commit(container.auto_remove ? storage::Durability::relaxed
                                        : storage::Durability::durable);
        return removed;
    });
    storage::remove_container_copy(store.paths(), container.id);
    if (config) {
        remove_anonymous_volumes(engine, *config);
    }
    const bool has_trash = snapshot && store.snapshots().discard(*snapshot);
    if (has_trash || store.needs_upkeep()) {
        start_upkeep(engine);
    }
    const auto run_dir = store.paths().container_run(container.id);
    sys::remove_tree(run_dir);
    // A monitor removes it itself, unless it was killed; one that is still ending has let go of it.
    if (!sys::find_process(container.state.monitor)) {
        (void)sys::unlink_if_exists(monitor::run_lock_path(run_dir));
    }
    release_user_namespace(store, container.id);
    sys::remove_tree(store.paths().container_directory(container.id));
    lock.remove_file();
    record_event(engine, container_event(container, "remove"));
}

void kill_task(Engine& engine, const storage::ContainerSummary& container) {
    storage::Store& store = engine.store_for_writing();
    const auto init = find_init(store, container.state);
    if (!init) {
        return;
    }
    if (const auto cgroup = open_cgroup_of(store, container.id); cgroup && cgroup->exists()) {
        cgroup->kill_all();
    }
    (void)sys::send_signal(init->get(), SIGKILL);
    if (!sys::wait_ended(init->get(), kKillPatience)) {
        throw Error(ErrorKind::timed_out,
                    "container {} does not end although it was killed",
                    container.id.short_id())
            .with_hint("a process of it hangs in the kernel, perhaps in input or output");
    }
    note_unseen_end(store, container.id, container.state, init->get());
}

ExitStatus to_exit_status(const ContainerState& state) {
    return {
        .code = state.exit_code, .signal = state.exit_signal, .was_oom_killed = state.oom_killed};
}

}  // namespace nau::engine
