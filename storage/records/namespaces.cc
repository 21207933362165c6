#include "storage/records/namespaces.h"

#include "base/error.h"
#include "storage/paths.h"
#include "storage/records/columns.h"
#include "storage/records/json_text.h"

namespace nau::storage {

namespace {

/// A table whose rows live in a namespace, and what a user calls them.
struct Tenant {
    const char* table;
    const char* word;
};

constexpr Tenant kTenants[] = {{"containers", "containers"},
                               {"images", "images"},
                               {"volumes", "volumes"},
                               {"networks", "networks"},
                               {"leases", "leases"}};

}  // namespace

void ensure_namespace(Transaction& tx, std::string_view name, Time now) {
    constexpr size_t kMaxLength = 76;  // containerd's
    if (!is_plain_name(name, kMaxLength)) {
        throw Error(ErrorKind::invalid, "invalid namespace name '{}'", name)
            .with_hint("letters, digits, '_', '.' and '-', beginning with a letter or digit");
    }
    Statement insert(tx.db(), "INSERT OR IGNORE INTO namespaces (name, created) VALUES (?1, ?2)");
    insert.bind(1, name).bind(2, to_column(now)).run();
}

void Namespaces::ensure(Transaction& tx, std::string_view name, Time now) {
    ensure_namespace(tx, name, now);
}

void Namespaces::set_labels(Transaction& tx, std::string_view name, const Labels& labels) {
    Statement update(tx.db(), "UPDATE namespaces SET labels = ?2 WHERE name = ?1");
    update.bind(1, name).bind(2, encode_labels(labels)).run();
    if (tx.db().changes() == 0) {
        throw Error(ErrorKind::not_found, "no namespace '{}'", name);
    }
}

std::vector<Namespace> Namespaces::list() {
    Statement select(db_, "SELECT name, created, labels FROM namespaces ORDER BY name");
    std::vector<Namespace> namespaces;
    while (select.step()) {
        namespaces.push_back({.name = select.string(0),
                              .created = to_time(select.integer(1)),
                              .labels = decode_labels(select.text(2))});
    }
    return namespaces;
}

bool Namespaces::remove(Transaction& tx, std::string_view name) {
    for (const auto& tenant : kTenants) {
        Statement count(tx.db(),
                        fmt::format("SELECT count(*) FROM {} WHERE namespace = ?1", tenant.table));
        if (count.bind(1, name).step() && count.integer(0) > 0) {
            throw Error(
                ErrorKind::in_use, "namespace '{}' has {} {}", name, count.integer(0), tenant.word);
        }
    }
    Statement remove(tx.db(), "DELETE FROM namespaces WHERE name = ?1");
    remove.bind(1, name).run();
    return tx.db().changes() > 0;
}

}  // namespace nau::storage
