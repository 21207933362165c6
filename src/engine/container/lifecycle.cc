#include "engine/container/lifecycle.h"

#include <fmt/core.h>

#include "base/error.h"
#include "engine/container/container_config.h"
#include "engine/container/locked_container.h"
#include "engine/container/signals.h"
#include "engine/container/supervision.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/image/images.h"
#include "engine/system/record_event.h"
#include "monitor/client.h"
#include "sys/process.h"

namespace nau::engine {

namespace {

/// The stop signal, patience, and the end of what has not ended by then.
void stop_task(Engine& engine,
               const storage::ContainerSummary& container,
               const sys::UniqueFd& init,
               const StopOptions& options) {
    storage::Store& store = engine.store_for_writing();
    const auto config = parse_container_config(store.records().containers.get(container.id).config);
    const auto timeout =
        options.timeout.value_or(std::chrono::seconds(config.stop_timeout_seconds));
    const std::string& word = options.signal.empty() ? config.stop_signal : options.signal;
    if (timeout.count() > 0) {
        (void)sys::send_signal(init.get(), parse_signal(word));
        thaw_for_end(store, container);
    }
    if (!sys::wait_ended(init.get(), timeout)) {
        kill_task(engine, container);
    }
    note_unseen_end(store, container.id, container.state, init.get());
}

void stop_locked(Engine& engine, LockedContainer& locked, const StopOptions& options) {
    storage::Store& store = engine.store_for_writing();
    bool was_running = false;
    forbid_restart(store, locked.container.id);
    // Again when its monitor was just starting it another time.
    for (;;) {
        const auto init = find_init(store, locked.container.state);
        if (init) {
            stop_task(engine, locked.container, *init, options);
        } else if (is_restarting(locked.container.state)) {
            end_between_runs(engine, locked.container);
        } else {
            break;
        }
        was_running = true;
        settle_container(engine, locked.lock, locked.container);
        if (!refresh(engine, locked)) {
            break;
        }
    }
    if (was_running) {
        record_event(engine, container_event(locked.container, "stop"));
    }
    settle_container(engine, locked.lock, locked.container);
}

/// Whether a user who sends this wants the container to end and not to come back.
bool is_meant_to_end(const storage::Container& container, int signal) {
    return signal == SIGKILL || signal == SIGTERM ||
           signal == parse_signal(parse_container_config(container.config).stop_signal);
}

}  // namespace

void stop_container(Engine& engine, const std::string& name_or_id, const StopOptions& options) {
    LockedContainer locked = get_locked(engine, name_or_id);
    doing([&] { return fmt::format("stopping {}", name_or_id); },
          [&] { stop_locked(engine, locked, options); });
}

void kill_container(Engine& engine, const std::string& name_or_id, const std::string& signal) {
    const int number = parse_signal(signal.empty() ? "KILL" : signal);
    storage::Store& store = engine.store_for_writing();
    const auto id = find_container(engine, name_or_id);
    const auto container = get_container(store, id);
    const auto init = find_init(store, container.state);
    if (is_restarting(container.state) && is_meant_to_end(container, number)) {
        end_between_runs(engine, container);
        return;
    }
    if (!init) {
        throw Error(ErrorKind::invalid,
                    "container '{}' is not running, it is {}",
                    name_or_id,
                    storage::to_string(actual_state(store, id, container.state).status));
    }
    if (is_meant_to_end(container, number)) {
        forbid_restart(store, id);
    }
    (void)sys::send_signal(init->get(), number);
    if (number == SIGKILL) {
        thaw_for_end(store, container);
    }
    record_event(engine,
                 {.action = "kill",
                  .id = id.to_string(),
                  .name = container.name,
                  .image = container.image_name,
                  .attributes = {{"signal", std::to_string(number)}}});
}

ExitStatus wait_container(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_reading();
    const auto id = find_container(engine, name_or_id);
    const auto container = find_summary(store, id);
    if (!container) {
        throw Error(ErrorKind::not_found, "container '{}' is gone", name_or_id);
    }
    const auto init = find_init(store, container->state);
    if (!init && !is_restarting(container->state)) {
        return to_exit_status(actual_state(store, id, container->state));
    }
    // The record has to be fetched before the clean-up removes it: the monitor tells it.
    if (const auto record =
            monitor::wait_exit(store.paths().container_run(id), std::chrono::milliseconds(-1))) {
        return {.code = record->exit_code,
                .signal = record->signal,
                .was_oom_killed = record->oom_killed};
    }
    if (init) {
        (void)sys::wait_ended(init->get(), std::chrono::milliseconds(-1));
        note_unseen_end(store, id, container->state, init->get());
    }
    const auto state = store.records().containers.find_state(id);
    return state ? to_exit_status(actual_state(store, id, *state)) : ExitStatus{};
}

std::string remove_container(Engine& engine,
                             const std::string& name_or_id,
                             const RemoveOptions& options) {
    LockedContainer locked = get_locked(engine, name_or_id);
    const std::string id = locked.container.id.to_string();
    doing(
        [&] { return fmt::format("removing {}", name_or_id); },
        [&] {
            storage::Store& store = engine.store_for_writing();
            if (find_init(store, locked.container.state) || is_restarting(locked.container.state)) {
                if (!options.is_forced) {
                    throw Error(ErrorKind::in_use,
                                "container {} is {}",
                                id.substr(0, 12),
                                storage::to_string(locked.container.state.status))
                        .with_hint("stop it first, or use 'nau rm -f'");
                }
                if (options.timeout && options.timeout->count() > 0) {
                    stop_locked(engine, locked, {.timeout = options.timeout, .signal = {}});
                } else {
                    end_at_once(engine, locked);
                }
            }
            settle_container(engine, locked.lock, locked.container);
            if (store.records().containers.find_state(locked.container.id)) {
                delete_container(
                    engine,
                    locked.lock,
                    locked.container,
                    options.removes_volumes ? AnonymousVolumes::remove : AnonymousVolumes::keep);
            }
        });
    return id;
}

void cleanup_container(Engine& engine, const std::string& id) {
    const auto full_id = storage::ContainerId::try_parse(id);
    const auto container_id = full_id ? *full_id : find_container(engine, id);
    storage::Store& store = engine.store_for_writing();
    bool removes_image = false;
    std::string image;
    if (auto locked = lock_container(engine, container_id)) {
        if (locked->container.auto_remove) {
            const auto record = store.records().containers.get(container_id);
            removes_image = parse_container_config(record.config).removes_image;
            image = record.image_name;
        }
        settle_container(engine, locked->lock, locked->container);
    }
    if (removes_image && !store.records().containers.find_state(container_id)) {
        remove_image_if_unused(engine, image);
    }
    engine.store_for_writing().shorten_log();
}

}  // namespace nau::engine
