#include "engine/container/boot.h"

#include "base/error.h"
#include "engine/container/container_config.h"
#include "engine/container/run_container.h"
#include "engine/container/supervision.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "monitor/restart_policy.h"

namespace nau::engine {

namespace {

using storage::ContainerStatus;

bool wants_start(Engine& engine, const storage::ContainerSummary& container) {
    storage::Store& store = engine.store_for_writing();
    const auto state = actual_state(store, container.id, container.state);
    if (state.status != ContainerStatus::exited) {
        return false;
    }
    const auto policy = monitor::parse_restart_policy(
        parse_container_config(store.records().containers.get(container.id).config).restart_policy);
    // A record that still says running was interrupted: nobody has ended that container.
    const bool was_interrupted = container.state.status != ContainerStatus::exited;
    const auto end = read_last_end(store, container.id);
    const bool was_stopped = !was_interrupted && end && end->cause == monitor::ExitCause::user;
    return monitor::starts_at_boot(policy, was_stopped) ||
           (policy.mode == monitor::RestartMode::on_failure && was_interrupted &&
            state.exit_code != 0);
}

}  // namespace

void start_after_boot(Engine& engine, const BootSinks& sinks) {
    auto containers = engine.store_for_writing().records().containers.list(engine.name_space());
    // The oldest first: later ones may need them.
    for (auto container = containers.rbegin(); container != containers.rend(); ++container) {
        try {
            if (wants_start(engine, *container)) {
                (void)start_container(engine, container->id.to_string(), std::nullopt);
                sinks.started(container->name);
            }
        } catch (const std::exception& error) {
            sinks.failed(container->name, error);
        }
    }
}

}  // namespace nau::engine
