#include "engine/store/snapshots.h"

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/store/upkeep.h"
#include "storage/gc/graph.h"
#include "storage/lock.h"
#include "storage/store.h"

namespace nau::engine {

namespace {

constexpr size_t kMinPrefix = 4;

storage::SnapshotKey key_of(Engine& engine, const std::string& key_or_prefix) {
    return storage::SnapshotKey::parse(find_snapshot(engine, key_or_prefix));
}

bool begins_with(const std::string& key, const std::string& prefix) {
    return key.starts_with(prefix) ||
           (key.starts_with("sha256:") && std::string_view(key).substr(7).starts_with(prefix));
}

/// Children, images, containers and leases, in one question.
bool is_needed(Engine& engine, storage::Store& store, const storage::SnapshotKey& key) {
    storage::gc::Graph graph(store);
    std::set<storage::gc::Node> marked;
    const auto roots = graph.read_roots({.now = engine.clock().now()});
    storage::gc::mark(
        roots, [&](const storage::gc::Node& node) { return graph.references(node); }, marked);
    return marked.contains({.kind = storage::gc::NodeKind::snapshot, .key = key.to_string()});
}

}  // namespace

std::vector<SnapshotSummary> list_snapshots(Engine& engine) {
    std::vector<SnapshotSummary> summaries;
    for (const auto& snapshot : engine.store_for_reading().snapshots().list()) {
        summaries.push_back({.key = snapshot.key.to_string(),
                             .kind = std::string(storage::to_string(snapshot.kind)),
                             .parent = snapshot.parent ? snapshot.parent->to_string() : "",
                             .created = snapshot.created,
                             .size_bytes = snapshot.size_bytes,
                             .inodes = snapshot.inodes,
                             .is_durable = snapshot.unsynced_boot.empty(),
                             .lease = snapshot.lease});
    }
    return summaries;
}

std::string find_snapshot(Engine& engine, const std::string& key_or_prefix) {
    std::optional<std::string> found;
    for (const auto& snapshot : engine.store_for_reading().snapshots().list()) {
        const std::string& key = snapshot.key.to_string();
        if (key == key_or_prefix) {
            return key;
        }
        if (key_or_prefix.size() < kMinPrefix || !begins_with(key, key_or_prefix)) {
            continue;
        }
        if (found) {
            throw Error(ErrorKind::invalid, "'{}' is ambiguous: {}, {}", key_or_prefix, *found, key)
                .with_hint("give more of it");
        }
        found = key;
    }
    if (!found) {
        throw Error(ErrorKind::not_found, "no snapshot '{}'", key_or_prefix)
            .with_hint("'nau snapshot ls' lists what is here");
    }
    return *found;
}

SnapshotMount snapshot_mount(Engine& engine, const std::string& key_or_prefix) {
    const auto key = key_of(engine, key_or_prefix);
    const auto spec = engine.store_for_writing().snapshots().mount_spec(key);
    SnapshotMount mount;
    if (spec.kind == storage::MountKind::bind) {
        mount.type = "bind";
        mount.source = spec.upper.empty() ? spec.lower_dirs.front() : spec.upper;
        mount.options = {"rbind", spec.is_read_only ? "ro" : "rw"};
        return mount;
    }
    std::string lower;
    for (const auto& directory : spec.lower_dirs) {
        lower += (lower.empty() ? "" : ":") + directory.string();
    }
    mount.type = "overlay";
    mount.source = "overlay";
    mount.options = {"lowerdir=" + lower};
    if (spec.is_read_only) {
        mount.options.emplace_back("ro");
    } else {
        mount.options.push_back("upperdir=" + spec.upper.string());
        mount.options.push_back("workdir=" + spec.work.string());
    }
    if (spec.has_user_xattrs) {
        mount.options.emplace_back("userxattr");
    }
    return mount;
}

SnapshotDiskUsage snapshot_usage(Engine& engine, const std::string& key_or_prefix) {
    const auto key = key_of(engine, key_or_prefix);
    const auto usage = engine.store_for_writing().snapshots().usage(key);
    return {.size_bytes = usage.size_bytes, .inodes = usage.inodes};
}

void remove_snapshot(Engine& engine, const std::string& key_or_prefix) {
    storage::Store& store = engine.store_for_writing();
    const auto key = key_of(engine, key_or_prefix);
    const auto lock = storage::StoreLock::acquire(store.paths(), storage::LockMode::exclusive);
    std::optional<storage::Snapshot> removed;
    {
        storage::Transaction tx(store.db());
        if (is_needed(engine, store, key)) {
            throw Error(
                ErrorKind::in_use,
                "snapshot {} is needed by an image, a container, a lease or another snapshot",
                key.to_string())
                .with_hint("'nau rmi' and 'nau rm' remove what needs it, and it with them");
        }
        removed = store.snapshots().remove(tx, key);
        tx.commit(storage::Durability::durable);
    }
    if (removed && store.snapshots().discard(*removed)) {
        start_upkeep(engine);
    }
}

}  // namespace nau::engine
