#include "storage/snapshots/snapshotter.h"

#include <algorithm>

#include "base/error.h"

namespace nau::storage {

SnapshotKey SnapshotKey::parse(std::string_view text) {
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-' || c == ':';
    };
    constexpr size_t kMaxLength = 160;  // sha512:… fits
    if (text.empty() || text.size() > kMaxLength ||
        !std::all_of(text.begin(), text.end(), is_allowed)) {
        throw Error(ErrorKind::invalid, "invalid snapshot key '{}'", text);
    }
    return SnapshotKey(std::string(text));
}

std::string_view to_string(SnapshotKind kind) noexcept {
    switch (kind) {
        case SnapshotKind::active:
            return "active";
        case SnapshotKind::view:
            return "view";
        case SnapshotKind::committed:
            return "committed";
    }
    return "unknown";
}

Snapshot Snapshotter::prepare(Database& db,
                              const SnapshotKey& key,
                              const std::optional<oci::ChainId>& parent,
                              const PrepareOptions& options) {
    Transaction tx(db);
    Snapshot snapshot = prepare(tx, key, parent, options);
    tx.commit(Durability::relaxed);
    make_directories(snapshot);
    return snapshot;
}

Snapshot Snapshotter::get(const SnapshotKey& key) {
    auto snapshot = find(key);
    if (!snapshot) {
        throw Error(ErrorKind::not_found, "no snapshot '{}'", key.to_string());
    }
    return *std::move(snapshot);
}

bool Snapshotter::remove(Database& db, const SnapshotKey& key) {
    Transaction tx(db);
    const auto snapshot = remove(tx, key);
    tx.commit(Durability::relaxed);
    if (snapshot) {
        discard(*snapshot);
    }
    return snapshot.has_value();
}

}  // namespace nau::storage
