#include "storage/records/volumes.h"

#include <fmt/format.h>

#include "base/error.h"
#include "storage/paths.h"
#include "storage/records/columns.h"
#include "storage/records/json_text.h"

namespace nau::storage {

namespace {

#define NAU_VOLUME_COLUMNS \
    "namespace, name, driver, labels, options, created, is_anonymous, is_used"

Volume read_row(const Statement& row) {
    return {.name_space = row.string(0),
            .name = row.string(1),
            .driver = row.string(2),
            .labels = decode_labels(row.text(3)),
            .options = decode_labels(row.text(4)),
            .created = to_time(row.integer(5)),
            .is_anonymous = row.boolean(6),
            .is_used = row.boolean(7)};
}

}  // namespace

void Volumes::create(Transaction& tx, const Volume& volume) {
    if (!is_plain_name(volume.name)) {
        throw Error(ErrorKind::invalid, "invalid volume name '{}'", volume.name)
            .with_hint("letters, digits, '_', '.' and '-', beginning with a letter or digit");
    }
    ensure_namespace(tx, volume.name_space, volume.created);
    Statement insert(
        tx.db(),
        "INSERT INTO volumes (" NAU_VOLUME_COLUMNS
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (namespace, name) DO NOTHING");
    insert.bind(1, volume.name_space)
        .bind(2, volume.name)
        .bind(3, volume.driver)
        .bind(4, encode_labels(volume.labels))
        .bind(5, encode_labels(volume.options))
        .bind(6, to_column(volume.created))
        .bind(7, volume.is_anonymous)
        .bind(8, volume.is_used)
        .run();
    if (tx.db().changes() == 0) {
        throw Error(ErrorKind::already_exists, "volume '{}' exists", volume.name);
    }
}

std::optional<Volume> Volumes::find(std::string_view name_space, std::string_view name) {
    Statement select(
        db_, "SELECT " NAU_VOLUME_COLUMNS " FROM volumes WHERE namespace = ?1 AND name = ?2");
    select.bind(1, name_space).bind(2, name);
    return select.step() ? std::optional(read_row(select)) : std::nullopt;
}

std::vector<Volume> Volumes::list(std::string_view name_space) {
    Statement select(
        db_, "SELECT " NAU_VOLUME_COLUMNS " FROM volumes WHERE namespace = ?1 ORDER BY name");
    select.bind(1, name_space);
    std::vector<Volume> volumes;
    while (select.step()) {
        volumes.push_back(read_row(select));
    }
    return volumes;
}

bool Volumes::set_used(Transaction& tx, std::string_view name_space, std::string_view name) {
    Statement update(tx.db(), "UPDATE volumes SET is_used = 1 WHERE namespace = ?1 AND name = ?2");
    update.bind(1, name_space).bind(2, name).run();
    return tx.db().changes() > 0;
}

void Volumes::attach(Transaction& tx,
                     std::string_view name_space,
                     std::string_view name,
                     const ContainerId& container) {
    Statement insert(tx.db(),
                     "INSERT OR IGNORE INTO volume_users (container, volume)"
                     " SELECT c.seq, v.seq FROM containers c, volumes v"
                     " WHERE c.id = ?3 AND v.namespace = ?1 AND v.name = ?2");
    insert.bind(1, name_space).bind(2, name).bind(3, container.to_string()).run();
    if (tx.db().changes() == 0 && !find(name_space, name)) {
        throw Error(ErrorKind::not_found, "no volume '{}'", name);
    }
}

std::vector<ContainerId> Volumes::users(std::string_view name_space, std::string_view name) {
    Statement select(db_,
                     "SELECT c.id FROM volumes v JOIN volume_users u ON u.volume = v.seq"
                     " JOIN containers c ON c.seq = u.container"
                     " WHERE v.namespace = ?1 AND v.name = ?2 ORDER BY c.seq");
    select.bind(1, name_space).bind(2, name);
    std::vector<ContainerId> ids;
    while (select.step()) {
        ids.push_back(ContainerId::parse(select.text(0)));
    }
    return ids;
}

bool Volumes::remove(Transaction& tx, std::string_view name_space, std::string_view name) {
    std::vector<std::string> names;
    for (const auto& id : users(name_space, name)) {
        names.emplace_back(id.short_id());
    }
    if (!names.empty()) {
        throw Error(
            ErrorKind::in_use, "volume '{}' is used by container {}", name, fmt::join(names, ", "));
    }
    Statement remove(tx.db(), "DELETE FROM volumes WHERE namespace = ?1 AND name = ?2");
    remove.bind(1, name_space).bind(2, name).run();
    return tx.db().changes() > 0;
}

}  // namespace nau::storage
