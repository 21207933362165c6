#include "storage/records/leases.h"

#include "base/error.h"
#include "storage/records/columns.h"
#include "storage/records/json_text.h"

namespace nau::storage {

namespace {

constexpr int kBlob = 0;
constexpr int kSnapshot = 1;

#define NAU_LEASE_COLUMNS \
    "id, namespace, created, expires, holder_pid, holder_start, boot_id, labels"

Lease read_row(const Statement& row) {
    return {.id = row.string(0),
            .name_space = row.string(1),
            .created = to_time(row.integer(2)),
            .expires = to_time(row.integer(3)),
            .holder = {.pid = static_cast<pid_t>(row.integer(4)),
                       .start_time = static_cast<uint64_t>(row.integer(5))},
            .boot_id = row.string(6),
            .labels = decode_labels(row.text(7))};
}

std::vector<Lease> read_all(Statement& select) {
    std::vector<Lease> leases;
    while (select.step()) {
        leases.push_back(read_row(select));
    }
    return leases;
}

/// Each key under the lease.
template <typename Keys>
void add_references(Transaction& tx, std::string_view lease, int kind, const Keys& keys) {
    Statement exists(tx.db(), "SELECT 1 FROM leases WHERE id = ?1");
    if (!exists.bind(1, lease).step()) {
        throw Error(ErrorKind::not_found, "no lease '{}'", lease);
    }
    Statement insert(tx.db(), "INSERT OR IGNORE INTO lease_references VALUES (?1, ?2, ?3)");
    insert.bind(1, lease).bind(2, kind);
    for (const auto& key : keys) {
        insert.bind(3, key.to_string()).run();
    }
}

template <typename Digest>
std::vector<Digest> list_references(Database& db, std::string_view lease, int kind) {
    Statement select(db, "SELECT key FROM lease_references WHERE lease = ?1 AND kind = ?2");
    select.bind(1, lease).bind(2, kind);
    std::vector<Digest> digests;
    while (select.step()) {
        digests.push_back(Digest::parse(select.text(0)));
    }
    return digests;
}

}  // namespace

void Leases::create(Transaction& tx, const Lease& lease) {
    ensure_namespace(tx, lease.name_space, lease.created);
    Statement insert(tx.db(),
                     "INSERT INTO leases (" NAU_LEASE_COLUMNS
                     ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING");
    insert.bind(1, lease.id)
        .bind(2, lease.name_space)
        .bind(3, to_column(lease.created))
        .bind(4, to_column(lease.expires))
        .bind(5, int64_t{lease.holder.pid})
        .bind(6, static_cast<int64_t>(lease.holder.start_time))
        .bind(7, lease.boot_id)
        .bind(8, encode_labels(lease.labels))
        .run();
    if (tx.db().changes() == 0) {
        throw Error(ErrorKind::already_exists, "lease '{}' exists", lease.id);
    }
}

void Leases::add_blobs(Transaction& tx,
                       std::string_view lease,
                       std::span<const oci::Digest> digests) {
    add_references(tx, lease, kBlob, digests);
}

void Leases::add_snapshot(Transaction& tx, std::string_view lease, const oci::ChainId& chain_id) {
    add_references(tx, lease, kSnapshot, std::span(&chain_id, 1));
}

bool Leases::extend(Transaction& tx, std::string_view lease, Time expires) {
    Statement update(tx.db(), "UPDATE leases SET expires = ?2 WHERE id = ?1");
    update.bind(1, lease).bind(2, to_column(expires)).run();
    return tx.db().changes() > 0;
}

std::optional<Lease> Leases::find(std::string_view lease) {
    Statement select(db_, "SELECT " NAU_LEASE_COLUMNS " FROM leases WHERE id = ?1");
    select.bind(1, lease);
    return select.step() ? std::optional(read_row(select)) : std::nullopt;
}

std::vector<Lease> Leases::list(std::string_view name_space) {
    Statement select(
        db_, "SELECT " NAU_LEASE_COLUMNS " FROM leases WHERE namespace = ?1 ORDER BY created");
    select.bind(1, name_space);
    return read_all(select);
}

std::vector<Lease> Leases::list_all() {
    Statement select(db_, "SELECT " NAU_LEASE_COLUMNS " FROM leases ORDER BY created");
    return read_all(select);
}

std::vector<oci::Digest> Leases::blobs(std::string_view lease) {
    return list_references<oci::Digest>(db_, lease, kBlob);
}

std::vector<oci::ChainId> Leases::snapshots(std::string_view lease) {
    return list_references<oci::ChainId>(db_, lease, kSnapshot);
}

bool Leases::remove(Transaction& tx, std::string_view lease) {
    Statement remove(tx.db(), "DELETE FROM leases WHERE id = ?1");
    remove.bind(1, lease).run();
    return tx.db().changes() > 0;
}

}  // namespace nau::storage
