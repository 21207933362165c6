#include "storage/snapshots/rows.h"

#include "base/error.h"
#include "storage/records/json_text.h"

namespace nau::storage {

namespace {

constexpr int64_t kKindCommitted = static_cast<int64_t>(SnapshotKind::committed);
/// Deeper stacks than overlayfs mounts (500) do not exist; a damaged database may hold a circle.
constexpr int kMaxDepth = 1000;

// p is the parent's row.
#define NAU_SNAPSHOT_COLUMNS                                                  \
    "s.number, s.key, s.kind, s.parent, s.lease, s.unsynced_boot, s.created," \
    " s.size_bytes, s.inodes, s.labels, ifnull(p.number, 0)"
#define NAU_SNAPSHOT_FROM \
    " FROM snapshots s LEFT JOIN snapshots p ON p.key = s.parent AND p.kind = 2 "

std::optional<uint64_t> to_unsigned(const std::optional<int64_t>& value) {
    return value ? std::optional(static_cast<uint64_t>(*value)) : std::nullopt;
}

std::optional<int64_t> to_signed(const std::optional<uint64_t>& value) {
    return value ? std::optional(static_cast<int64_t>(*value)) : std::nullopt;
}

std::optional<std::string> text_of(const std::optional<oci::ChainId>& chain_id) {
    return chain_id ? std::optional(chain_id->to_string()) : std::nullopt;
}

std::optional<std::string> absent_if_empty(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional(std::string(text));
}

Snapshot read_row(const Statement& row) {
    Snapshot snapshot{.key = SnapshotKey::parse(row.text(1))};
    snapshot.number = row.integer(0);
    snapshot.kind = static_cast<SnapshotKind>(row.integer(2));
    if (!row.is_null(3)) {
        snapshot.parent = oci::ChainId::parse(row.text(3));
    }
    snapshot.lease = row.string(4);
    snapshot.unsynced_boot = row.string(5);
    snapshot.created = Time(std::chrono::nanoseconds(row.integer(6)));
    snapshot.size_bytes = to_unsigned(row.optional_integer(7));
    snapshot.inodes = to_unsigned(row.optional_integer(8));
    snapshot.labels = decode_labels(row.text(9));
    snapshot.parent_number = row.integer(10);
    return snapshot;
}

}  // namespace

void fail_no_layer(const oci::ChainId& chain_id) {
    throw Error(ErrorKind::not_found, "layer {} is not unpacked", chain_id.to_string())
        .with_hint("pull the image again; or an additional image store is not there");
}

Snapshot SnapshotRows::insert(Transaction& tx,
                              const SnapshotKey& key,
                              SnapshotKind kind,
                              const std::optional<oci::ChainId>& parent,
                              const PrepareOptions& options,
                              Time now) {
    Snapshot snapshot{.key = key,
                      .kind = kind,
                      .parent = parent,
                      .created = now,
                      .lease = options.lease,
                      .labels = options.labels};
    if (parent) {
        const auto found = find(SnapshotKey(*parent));
        snapshot.parent_number = found ? found->number : 0;
    }
    Statement insert(tx.db(),
                     "INSERT INTO snapshots (key, kind, parent, lease, created, labels)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (key) DO NOTHING");
    insert.bind(1, key.to_string())
        .bind(2, static_cast<int64_t>(kind))
        .bind(3, text_of(parent))
        .bind(4, absent_if_empty(options.lease))
        .bind(5, now.time_since_epoch().count())
        .bind(6, encode_labels(options.labels))
        .run();
    if (tx.db().changes() == 0) {
        throw Error(ErrorKind::already_exists, "snapshot '{}' exists", key.to_string());
    }
    snapshot.number = tx.db().last_insert_id();
    return snapshot;
}

void SnapshotRows::set_committed(Transaction& tx,
                                 const Snapshot& active,
                                 const oci::ChainId& chain_id,
                                 const std::optional<oci::ChainId>& parent,
                                 const CommitInfo& info,
                                 std::string_view unsynced_boot) {
    Statement update(tx.db(),
                     "UPDATE snapshots SET key = ?2, kind = ?3, parent = ?4, unsynced_boot = ?5,"
                     " size_bytes = ?6, inodes = ?7, labels = ?8 WHERE number = ?1");
    update.bind(1, active.number)
        .bind(2, chain_id.to_string())
        .bind(3, kKindCommitted)
        .bind(4, text_of(parent))
        .bind(5, absent_if_empty(unsynced_boot))
        .bind(6, to_signed(info.size_bytes))
        .bind(7, to_signed(info.inodes))
        .bind(8, encode_labels(info.labels.empty() ? active.labels : info.labels))
        .run();
}

void SnapshotRows::restore(Transaction& tx, const Snapshot& layer, std::string_view unsynced_boot) {
    Statement insert(tx.db(),
                     "INSERT OR IGNORE INTO snapshots (number, key, kind, parent, unsynced_boot,"
                     " created, size_bytes, inodes, labels)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    insert.bind(1, layer.number)
        .bind(2, layer.key.to_string())
        .bind(3, kKindCommitted)
        .bind(4, text_of(layer.parent))
        .bind(5, unsynced_boot)
        .bind(6, layer.created.time_since_epoch().count())
        .bind(7, to_signed(layer.size_bytes))
        .bind(8, to_signed(layer.inodes))
        .bind(9, encode_labels(layer.labels))
        .run();
}

void SnapshotRows::hand_lease_on(Transaction& tx,
                                 const Snapshot& active,
                                 const oci::ChainId& chain_id) {
    if (active.lease.empty()) {
        return;
    }
    Statement insert(tx.db(),
                     "INSERT OR IGNORE INTO lease_references (lease, kind, key)"
                     " SELECT id, 1, ?2 FROM leases WHERE id = ?1");
    insert.bind(1, active.lease).bind(2, chain_id.to_string()).run();
}

std::optional<Snapshot> SnapshotRows::find(const SnapshotKey& key) {
    Statement select(db_, "SELECT " NAU_SNAPSHOT_COLUMNS NAU_SNAPSHOT_FROM "WHERE s.key = ?1");
    select.bind(1, key.to_string());
    return select.step() ? std::optional(read_row(select)) : std::nullopt;
}

std::vector<Snapshot> SnapshotRows::list() {
    Statement select(db_, "SELECT " NAU_SNAPSHOT_COLUMNS NAU_SNAPSHOT_FROM "ORDER BY s.number");
    std::vector<Snapshot> snapshots;
    while (select.step()) {
        snapshots.push_back(read_row(select));
    }
    return snapshots;
}

std::vector<Snapshot> SnapshotRows::list_committed() {
    Statement select(
        db_, "SELECT " NAU_SNAPSHOT_COLUMNS NAU_SNAPSHOT_FROM "WHERE s.kind = 2 ORDER BY s.number");
    std::vector<Snapshot> snapshots;
    while (select.step()) {
        snapshots.push_back(read_row(select));
    }
    return snapshots;
}

bool SnapshotRows::has_number(int64_t number) {
    Statement select(db_, "SELECT 1 FROM snapshots WHERE number = ?1");
    return select.bind(1, number).step();
}

SnapshotChain SnapshotRows::chain(const SnapshotKey& key) {
    Statement select(db_,
                     "WITH RECURSIVE chain (depth, number) AS ("
                     " SELECT 0, number FROM snapshots WHERE key = ?1"
                     " UNION ALL"
                     " SELECT c.depth + 1, up.number FROM chain c"
                     " JOIN snapshots s ON s.number = c.number"
                     " JOIN snapshots up ON up.key = s.parent AND up.kind = 2 WHERE c.depth < ?2)"
                     "SELECT " NAU_SNAPSHOT_COLUMNS
                     " FROM chain c CROSS JOIN snapshots s ON s.number = c.number"
                     " LEFT JOIN snapshots p ON p.key = s.parent AND p.kind = 2 ORDER BY c.depth");
    select.bind(1, key.to_string()).bind(2, kMaxDepth);
    SnapshotChain chain;
    while (select.step()) {
        chain.own.push_back(read_row(select));
    }
    if (!chain.own.empty()) {
        chain.rest = chain.own.back().parent;
    }
    return chain;
}

std::optional<Snapshot> SnapshotRows::remove(Transaction& tx, const SnapshotKey& key) {
    auto snapshot = find(key);
    if (!snapshot) {
        return std::nullopt;
    }
    if (snapshot->kind == SnapshotKind::committed) {
        Statement children(tx.db(), "SELECT key FROM snapshots WHERE parent = ?1 LIMIT 1");
        if (children.bind(1, key.to_string()).step()) {
            throw Error(ErrorKind::in_use,
                        "snapshot '{}' is the parent of '{}'",
                        key.to_string(),
                        children.text(0));
        }
    }
    Statement remove(tx.db(), "DELETE FROM snapshots WHERE number = ?1");
    remove.bind(1, snapshot->number).run();
    return snapshot;
}

std::vector<int64_t> SnapshotRows::list_unsynced(std::string_view boot_id) {
    Statement select(db_, "SELECT number FROM snapshots WHERE unsynced_boot = ?1");
    select.bind(1, boot_id);
    std::vector<int64_t> numbers;
    while (select.step()) {
        numbers.push_back(select.integer(0));
    }
    return numbers;
}

void SnapshotRows::clear_unsynced(Transaction& tx, const std::vector<int64_t>& numbers) {
    Statement update(tx.db(), "UPDATE snapshots SET unsynced_boot = NULL WHERE number = ?1");
    for (const int64_t number : numbers) {
        update.bind(1, number).run();
    }
}

std::vector<Snapshot> SnapshotRows::remove_unsynced_of_other_boots(Transaction& tx,
                                                                   std::string_view boot_id) {
    Statement select(tx.db(),
                     "WITH RECURSIVE lost (number) AS ("
                     " SELECT number FROM snapshots"
                     " WHERE kind = 2 AND unsynced_boot IS NOT NULL AND unsynced_boot <> ?1"
                     " UNION"  // not ALL: a circle ends
                     " SELECT up.number FROM lost l"
                     " JOIN snapshots s ON s.number = l.number"
                     " JOIN snapshots up ON up.parent = s.key AND up.kind = 2)"
                     "SELECT " NAU_SNAPSHOT_COLUMNS
                     " FROM lost l JOIN snapshots s ON s.number = l.number"
                     " LEFT JOIN snapshots p ON p.key = s.parent AND p.kind = 2");
    select.bind(1, boot_id);
    std::vector<Snapshot> lost;
    while (select.step()) {
        lost.push_back(read_row(select));
    }
    Statement remove(tx.db(), "DELETE FROM snapshots WHERE number = ?1");
    for (const auto& snapshot : lost) {
        remove.bind(1, snapshot.number).run();
    }
    return lost;
}

void SnapshotRows::set_usage(Transaction& tx, int64_t number, const SnapshotUsage& usage) {
    Statement update(tx.db(),
                     "UPDATE snapshots SET size_bytes = ?2, inodes = ?3 WHERE number = ?1");
    update.bind(1, number)
        .bind(2, static_cast<int64_t>(usage.size_bytes))
        .bind(3, static_cast<int64_t>(usage.inodes))
        .run();
}

}  // namespace nau::storage
