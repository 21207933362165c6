#include "engine/store/namespaces.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/store/upkeep.h"
#include "storage/store.h"
#include "sys/process.h"

namespace nau::engine {

namespace {

bool is_held(storage::Store& store, const storage::Lease& lease) {
    return lease.holder.pid != 0 && lease.boot_id == store.boot_id() &&
           sys::find_process(lease.holder).has_value();
}

}  // namespace

std::vector<NamespaceSummary> list_namespaces(Engine& engine) {
    storage::Store& store = engine.store_for_reading();
    std::vector<NamespaceSummary> summaries;
    for (auto& each : store.records().namespaces.list()) {
        summaries.push_back({.name = each.name,
                             .created = each.created,
                             .labels = std::move(each.labels),
                             .image_count = store.records().images.list(each.name).size(),
                             .container_count = store.records().containers.list(each.name).size()});
    }
    return summaries;
}

void create_namespace(Engine& engine,
                      const std::string& name,
                      const std::map<std::string, std::string>& labels) {
    storage::Store& store = engine.store_for_writing();
    storage::Transaction tx(store.db());
    auto& namespaces = store.records().namespaces;
    const auto all = namespaces.list();
    if (std::any_of(
            all.begin(), all.end(), [&](const auto& other) { return other.name == name; })) {
        throw Error(ErrorKind::already_exists, "namespace '{}' exists", name);
    }
    namespaces.ensure(tx, name, engine.clock().now());
    if (!labels.empty()) {
        namespaces.set_labels(tx, name, labels);
    }
    tx.commit(storage::Durability::durable);
}

void remove_namespace(Engine& engine, const std::string& name) {
    storage::Store& store = engine.store_for_writing();
    storage::Transaction tx(store.db());
    if (!store.records().namespaces.remove(tx, name)) {
        throw Error(ErrorKind::not_found, "no namespace '{}'", name);
    }
    tx.commit(storage::Durability::durable);
}

std::vector<LeaseSummary> list_leases(Engine& engine) {
    storage::Store& store = engine.store_for_reading();
    auto& leases = store.records().leases;
    std::vector<LeaseSummary> summaries;
    for (const auto& lease : leases.list(engine.name_space())) {
        summaries.push_back({.id = lease.id,
                             .created = lease.created,
                             .expires = lease.expires,
                             .holder_pid = lease.holder.pid,
                             .is_held = is_held(store, lease),
                             .blob_count = leases.blobs(lease.id).size(),
                             .snapshot_count = leases.snapshots(lease.id).size()});
    }
    return summaries;
}

void remove_lease(Engine& engine, const std::string& id, bool is_forced) {
    storage::Store& store = engine.store_for_writing();
    storage::Transaction tx(store.db());
    auto& leases = store.records().leases;
    const auto lease = leases.find(id);
    if (!lease || lease->name_space != engine.name_space()) {
        throw Error(ErrorKind::not_found, "no lease '{}'", id);
    }
    if (!is_forced && is_held(store, *lease)) {
        throw Error(ErrorKind::in_use, "lease {} is held by process {}", id, lease->holder.pid)
            .with_hint("end that process first, or use --force");
    }
    leases.remove(tx, id);
    tx.commit(storage::Durability::durable);
    start_upkeep(engine);
}

}  // namespace nau::engine
