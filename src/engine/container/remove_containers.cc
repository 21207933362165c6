// Many containers that do not run, removed together. What a removal costs is mostly what does not
// depend on how many there are: the transaction, its sync, the journal. Deleting directories comes
// last of all and is the upkeep's.
//
//   for each group:  lock those that are free ─▶ read again ─▶ one durable transaction
//                      ─▶ directories into the trash ─▶ events ─▶ unlock

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/fail_point.h"
#include "engine/container/lifecycle.h"
#include "engine/container/mount_container.h"
#include "engine/container/user_namespace.h"
#include "engine/engine.h"
#include "engine/store/upkeep.h"
#include "engine/system/record_event.h"
#include "engine/volume/volumes.h"
#include "storage/rebuild/copies.h"
#include "storage/store.h"
#include "storage/trash.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

/// Each locked container is a descriptor, of which a process usually has 1,024; and so long others
/// wait for the transaction.
constexpr size_t kGroupSize = 256;

struct Victim {
    storage::ContainerLock lock;
    storage::ContainerSummary container;
    std::optional<storage::Snapshot> snapshot = {};
};

std::unordered_set<std::string> list_names(const std::filesystem::path& directory) {
    std::unordered_set<std::string> names;
    if (auto entries = sys::list_directory_if_exists(directory)) {
        for (auto& entry : *entries) {
            names.insert(std::move(entry.name));
        }
    }
    return names;
}

class BulkRemoval {
  public:
    BulkRemoval(Engine& engine, const RemoveOptions& options)
        : engine_(engine), options_(options), store_(engine.store_for_writing()) {}

    std::vector<std::string> run(std::span<const std::string> words) {
        std::vector<storage::ContainerId> candidates = resolve(words);
        for (size_t begin = 0; begin < candidates.size(); begin += kGroupSize) {
            const size_t end = std::min(begin + kGroupSize, candidates.size());
            remove_group(std::span(candidates).subspan(begin, end - begin));
        }
        if (has_trash_) {
            start_upkeep(engine_);
        }
        return std::move(removed_);
    }

  private:
    /// By id, the order of locks. Words that name nothing, or something twice, are left out.
    std::vector<storage::ContainerId> resolve(std::span<const std::string> words) {
        std::vector<storage::ContainerId> candidates;
        const storage::ReadTransaction one_state(store_.db());
        for (const auto& word : words) {
            try {
                if (auto id = store_.records().containers.resolve(engine_.name_space(), word)) {
                    if (words_.emplace(*id, word).second) {
                        candidates.push_back(*std::move(id));
                    }
                }
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::invalid) {
                    throw;
                }
            }
        }
        std::sort(candidates.begin(), candidates.end());
        return candidates;
    }

    /// Without those that somebody is at, and those that are gone.
    std::vector<Victim> lock(std::span<const storage::ContainerId> group) {
        std::vector<Victim> victims;
        std::vector<storage::ContainerLock> locks;
        for (const auto& id : group) {
            if (auto lock = storage::ContainerLock::try_acquire(store_.paths(), id)) {
                locks.push_back(*std::move(lock));
            }
        }
        const storage::ReadTransaction one_state(store_.db());
        for (auto& lock : locks) {
            auto container = store_.records().containers.find_summary(lock.id());
            if (!container) {
                lock.remove_file();  // it was made by looking for a container that is gone
                continue;
            }
            victims.push_back({.lock = std::move(lock), .container = *std::move(container)});
        }
        return victims;
    }

    /// One with a run directory has a task, or a task whose end nobody has settled: it may have
    /// left control groups, mounts, a monitor. A lock alone is a killed monitor's.
    bool needs_own_removal(const Victim& victim) const {
        using Status = storage::ContainerStatus;
        const auto& container = victim.container;
        const Status word = container.state.status;
        const bool has_volumes = options_.removes_volumes && !container.mounts.empty();
        return (word != Status::created && word != Status::exited) || has_volumes ||
               run_directories_.contains(container.id.to_string()) ||
               run_directories_.contains(container.id.to_string() + ".lock");
    }

    void remove_group(std::span<const storage::ContainerId> group) {
        std::vector<Victim> victims = lock(group);
        // Under the locks nobody makes another one for these.
        run_directories_ = list_names(store_.paths().container_runs());
        container_directories_ = list_names(store_.paths().containers());
        std::erase_if(victims, [this](const Victim& each) { return needs_own_removal(each); });
        if (victims.empty()) {
            return;
        }
        for (const auto& victim : victims) {
            drop_container_mount(store_, victim.container.id);
        }
        store_.using_reserve([&] { remove_rows(victims); });
        NAU_FAIL_POINT("remove_containers.after_commit");
        std::vector<EventDetails> events;
        for (auto& victim : victims) {
            remove_files(victim);
            events.push_back(container_event(victim.container, "remove"));
            removed_.push_back(words_.at(victim.container.id));
        }
        record_events(engine_, std::move(events));
    }

    void remove_rows(std::vector<Victim>& victims) {
        storage::Transaction tx(store_.db());
        for (auto& victim : victims) {
            store_.records().containers.remove(tx, victim.container.id);
            store_.records().leases.remove(tx, layers_lease(victim.container.id));
            victim.snapshot =
                store_.snapshots().remove(tx, storage::SnapshotKey(victim.container.id));
        }
        tx.commit(storage::Durability::durable);
    }

    void remove_files(Victim& victim) {
        const std::string name = victim.container.id.to_string();
        storage::remove_container_copy(store_.paths(), victim.container.id);
        has_trash_ |= victim.snapshot && store_.snapshots().throw_away(*victim.snapshot);
        if (container_directories_.contains(name)) {
            release_user_namespace(store_, victim.container.id);
            has_trash_ |= storage::Trash(store_.paths())
                              .take(store_.paths().container_directory(victim.container.id));
        }
        victim.lock.remove_file();
    }

    Engine& engine_;
    const RemoveOptions& options_;
    storage::Store& store_;
    std::unordered_set<std::string> run_directories_;
    std::unordered_set<std::string> container_directories_;
    std::unordered_map<storage::ContainerId, std::string> words_;  ///< as the user named them
    std::vector<std::string> removed_;
    bool has_trash_ = false;
};

}  // namespace

std::vector<std::string> remove_ended_containers(Engine& engine,
                                                 std::span<const std::string> names,
                                                 const RemoveOptions& options) {
    return BulkRemoval(engine, options).run(names);
}

}  // namespace nau::engine
