#include "engine/store/upkeep.h"

#include <fcntl.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "engine/container/own_command.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "monitor/protocol.h"
#include "monitor/task_state.h"
#include "runtime/cgroup/cgroup.h"
#include "storage/gc/sweep.h"
#include "storage/store.h"
#include "storage/trash.h"
#include "sys/file.h"
#include "sys/lock_file.h"

namespace nau::engine {

namespace {

/// Run directories of containers that have no record: whoever removed or started them was killed in
/// between.
void remove_orphaned_runs(storage::Store& store) {
    const auto entries = sys::list_directory_if_exists(store.paths().container_runs());
    for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
        const auto id = storage::ContainerId::try_parse(entry.name);
        if (!id || store.records().containers.find_state(*id)) {
            continue;
        }
        const auto run_dir = store.paths().container_run(*id);
        const auto task = monitor::read_task_state(run_dir);
        if (task && (sys::find_process(task->init) || sys::find_process(task->monitor))) {
            continue;
        }
        try {
            if (const auto cgroup = open_cgroup_of(store, *id)) {
                cgroup->remove();
            }
        } catch (const Error& error) {
            NAU_LOG_WARN("removing control groups: {}, ignoring", error.text());
        }
        sys::remove_tree(run_dir);
        (void)sys::unlink_if_exists(monitor::run_lock_path(run_dir));
    }
}

void do_upkeep(Engine& engine, storage::Store& store) {
    (void)store.snapshots().sync_pending();
    NAU_FAIL_POINT("upkeep.after_sync");
    {
        const auto lock = storage::StoreLock::acquire(store.paths(), storage::LockMode::exclusive);
        (void)storage::collect_garbage(store, lock, {.now = engine.clock().now()});
    }
    NAU_FAIL_POINT("upkeep.after_collect");
    remove_orphaned_runs(store);
    (void)storage::Trash(store.paths()).empty();
    NAU_FAIL_POINT("upkeep.after_empty");
    store.upkeep();
}

}  // namespace

void start_upkeep(Engine& engine) noexcept {
    try {
        const storage::Paths& paths = engine.store_for_writing().paths();
        // The request first: whoever is at it now looks for one after he has let go of the lock.
        (void)sys::open(paths.upkeep_request(), O_WRONLY | O_CREAT, 0600);
        if (sys::FileLock::try_exclusive(paths.upkeep_lock())) {
            spawn_own_command(engine, {"system", "upkeep"});
        }
    } catch (const std::exception& error) {
        NAU_LOG_WARN("starting the upkeep: {}, ignoring", error.what());
    }
}

namespace {
constexpr std::chrono::minutes kUpkeepPatience{5};
}

UpkeepPause::UpkeepPause(Engine& engine)
    : engine_(engine),
      lock_(sys::FileLock::exclusive_within(engine.store_for_writing().paths().upkeep_lock(),
                                            kUpkeepPatience)) {}

UpkeepPause::~UpkeepPause() {
    lock_.unlock();
    try {
        if (sys::file_exists(engine_.store_for_writing().paths().upkeep_request())) {
            start_upkeep(engine_);
        }
    } catch (const std::exception& error) {
        NAU_LOG_WARN("starting the upkeep: {}, ignoring", error.what());
    }
}

void run_upkeep(Engine& engine) {
    storage::Store& store = engine.store_for_writing();
    const storage::Paths& paths = store.paths();
    do {
        const auto lock = sys::FileLock::try_exclusive(paths.upkeep_lock());
        if (!lock) {
            return;
        }
        (void)sys::unlink_if_exists(paths.upkeep_request());
        do_upkeep(engine, store);
    } while (sys::file_exists(paths.upkeep_request()));
}

}  // namespace nau::engine
