#include "engine/store/prune.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "engine/container/containers.h"
#include "engine/container/lifecycle.h"
#include "engine/engine.h"
#include "engine/image/images.h"
#include "engine/store/disk_usage.h"
#include "engine/store/upkeep.h"
#include "engine/system/record_event.h"
#include "storage/gc/sweep.h"
#include "storage/store.h"
#include "storage/trash.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

bool has_label(const std::map<std::string, std::string>& labels, std::string_view wanted) {
    const auto pair = split_once(wanted, '=');
    const auto found = labels.find(std::string(pair ? pair->first : wanted));
    return found != labels.end() && (!pair || found->second == pair->second);
}

bool matches(const PruneFilter& filter,
             const std::map<std::string, std::string>& labels,
             Time created) {
    const auto is_there = [&](const std::string& label) { return has_label(labels, label); };
    return (!filter.until || created < *filter.until) &&
           std::all_of(filter.labels.begin(), filter.labels.end(), is_there) &&
           std::none_of(filter.unwanted_labels.begin(), filter.unwanted_labels.end(), is_there);
}

/// Started, used or removed by somebody else since it was listed: not ours any more.
bool is_lost_race(const Error& error) noexcept {
    return error.kind() == ErrorKind::not_found || error.kind() == ErrorKind::in_use;
}

void prune_containers(Engine& engine, const PruneFilter& filter, Pruned& pruned) {
    std::vector<std::string> ids;
    for (const auto& container :
         list_containers(engine, {.includes_stopped = true, .filters = {}, .last = {}})) {
        const bool has_ended = container.status == ContainerStatus::created ||
                               container.status == ContainerStatus::exited ||
                               container.status == ContainerStatus::dead;
        if (has_ended && matches(filter, container.labels, container.created)) {
            ids.push_back(container.id);
        }
    }
    pruned.containers = remove_ended_containers(engine, ids, {});
    for (const auto& id : ids) {
        if (std::find(pruned.containers.begin(), pruned.containers.end(), id) !=
            pruned.containers.end()) {
            continue;
        }
        try {
            (void)remove_container(engine, id, {});
            pruned.containers.push_back(id);
        } catch (const Error& error) {
            if (!is_lost_race(error)) {
                throw;
            }
        }
    }
}

void remove_image_of(Engine& engine, const std::string& id, Pruned& pruned) {
    try {
        const RemovedImage removed = remove_image(engine, id, /*is_forced=*/true);
        pruned.untagged.insert(
            pruned.untagged.end(), removed.untagged.begin(), removed.untagged.end());
        pruned.images.insert(pruned.images.end(), removed.deleted.begin(), removed.deleted.end());
    } catch (const Error& error) {
        if (!is_lost_race(error)) {
            throw;
        }
    }
}

/// Each image once, whatever its names; unused by containers.
std::vector<ImageSummary> unused_images(Engine& engine) {
    std::vector<ImageSummary> unused;
    for (auto& image : list_own_images(engine)) {
        const auto is_same = [&](const ImageSummary& other) { return other.id == image.id; };
        if (image.container_count == 0 && std::none_of(unused.begin(), unused.end(), is_same)) {
            unused.push_back(std::move(image));
        }
    }
    return unused;
}

/// Ids, the one that nobody has used for longest first.
std::vector<std::string> by_last_use(Engine& engine, const std::vector<ImageSummary>& images) {
    std::vector<std::pair<Time, std::string>> uses;
    for (const auto& image : images) {
        const auto digest = oci::Digest::try_parse("sha256:" + image.id);
        const auto used =
            digest ? engine.store_for_reading().content().last_use(*digest) : std::nullopt;
        uses.emplace_back(used.value_or(Time{}), image.id);
    }
    std::sort(uses.begin(), uses.end());
    std::vector<std::string> ids;
    for (auto& [used, id] : uses) {
        ids.push_back(std::move(id));
    }
    return ids;
}

void prune_images(Engine& engine, const PruneFilter& filter, Pruned& pruned) {
    for (const auto& image : unused_images(engine)) {
        if (matches(filter, image.labels, image.created)) {
            remove_image_of(engine, image.id, pruned);
        }
    }
}

void prune_volumes(Engine& engine, const PruneOptions& options, Pruned& pruned) {
    storage::Store& store = engine.store_for_writing();
    auto& volumes = store.records().volumes;
    for (const auto& volume : volumes.list(engine.name_space())) {
        if ((!volume.is_anonymous && !options.all_volumes) ||
            !matches(options.filter, volume.labels, volume.created)) {
            continue;
        }
        try {
            storage::Transaction tx(store.db());
            if (!volumes.remove(tx, engine.name_space(), volume.name)) {
                continue;
            }
            tx.commit(storage::Durability::durable);
        } catch (const Error& error) {
            if (!is_lost_race(error)) {
                throw;
            }
            continue;
        }
        (void)storage::Trash(store.paths())
            .take(store.paths().volume(engine.name_space(), volume.name));
        record_event(engine,
                     {.type = events::EventType::volume,
                      .action = "remove",
                      .id = volume.name,
                      .name = volume.name,
                      .image = {},
                      .attributes = {}});
        pruned.volumes.push_back(volume.name);
    }
}

/// What is unreachable goes into the trash, and the trash is emptied.
void free_space(Engine& engine, Pruned& pruned) {
    storage::Store& store = engine.store_for_writing();
    {
        const auto lock = storage::StoreLock::acquire(store.paths(), storage::LockMode::exclusive);
        const auto collected = storage::collect_garbage(
            store, lock, {.now = engine.clock().now(), .keeps_resumable = false});
        for (const auto& ingest : collected.ingests) {
            NAU_LOG_DEBUG("removed the partial download of {}", ingest);
        }
        pruned.freed_bytes += collected.freed_ingest_bytes;
    }
    const storage::Trash trash(store.paths());
    const uint64_t before = trash.usage().size_bytes;
    (void)trash.empty();
    const uint64_t after = trash.usage().size_bytes;
    pruned.freed_bytes += before > after ? before - after : 0;
    pruned.freed_bytes += store.compact();
}

}  // namespace

Pruned prune(Engine& engine, const PruneOptions& options) {
    Pruned pruned;
    if (!options.images && !options.volumes) {
        prune_containers(engine, options.filter, pruned);
        return pruned;
    }
    const UpkeepPause pause(engine);
    if (options.containers) {
        prune_containers(engine, options.filter, pruned);
    }
    if (options.images && options.all_images) {
        prune_images(engine, options.filter, pruned);
    }
    if (options.volumes) {
        prune_volumes(engine, options, pruned);
    }
    free_space(engine, pruned);
    return pruned;
}

Pruned collect_garbage(Engine& engine, const CollectGarbageOptions& options) {
    const UpkeepPause pause(engine);
    Pruned pruned;
    free_space(engine, pruned);
    if (!options.keep_bytes || disk_usage(engine).total_bytes <= *options.keep_bytes) {
        return pruned;
    }
    for (const auto& id : by_last_use(engine, unused_images(engine))) {
        remove_image_of(engine, id, pruned);
        free_space(engine, pruned);
        if (disk_usage(engine).total_bytes <= *options.keep_bytes) {
            break;
        }
    }
    return pruned;
}

}  // namespace nau::engine
