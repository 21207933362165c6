#include "storage/db/migrations.h"

#include <array>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "storage/db/database.h"
#include "storage/db/schema_text.h"

namespace nau::storage {

namespace {

struct Migration {
    int64_t version;  ///< of the schema after it
    const char* sql;
};

/// In order; schema.sql contains them all. The first release is version 1 and needs none.
constexpr std::array kMigrations = {
    Migration{2, R"(
CREATE TABLE network_addresses (
    network   TEXT NOT NULL REFERENCES networks(id) ON DELETE CASCADE,
    address   TEXT NOT NULL,
    container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    is_static INTEGER NOT NULL,
    PRIMARY KEY (network, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX network_addresses_by_container ON network_addresses(container);
CREATE TABLE network_cursors (
    network TEXT NOT NULL REFERENCES networks(id) ON DELETE CASCADE,
    subnet  TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (network, subnet)
) STRICT, WITHOUT ROWID;
CREATE TABLE published_ports (
    container TEXT PRIMARY KEY REFERENCES containers(id) ON DELETE CASCADE,
    ports     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)"},
};

int64_t read_version(Database& db) {
    Statement statement(db, "PRAGMA user_version");
    return statement.step() ? statement.integer(0) : 0;
}

void set_version(Database& db, int64_t version) {
    db.execute(fmt::format("PRAGMA user_version = {}", version).c_str());
}

void check_version(const Database& db, int64_t version) {
    if (version > kSchemaVersion) {
        throw Error(ErrorKind::unsupported,
                    "open {}: its schema has version {}, this nau knows up to {}",
                    db.path(),
                    version,
                    kSchemaVersion)
            .with_hint("use the nau that wrote it, or a newer one");
    }
    if (version < 1) {
        // A database appears under its name when it is complete.
        throw DamagedDatabase(db.path(), "open", "it has lost its content");
    }
}

void step_up(Database& db) {
    Transaction tx(db);
    // Somebody else may have been faster while we waited for the lock.
    const int64_t version = read_version(db);
    check_version(db, version);
    if (version == kSchemaVersion) {
        return;
    }
    for (const auto& migration : kMigrations) {
        if (migration.version == version + 1) {
            db.execute(migration.sql);
        }
    }
    set_version(db, version + 1);
    NAU_FAIL_POINT("db.migrate.before_commit");
    tx.commit(Durability::durable);
    NAU_LOG_INFO("{}: schema version {} → {}", db.path(), version, version + 1);
}

}  // namespace

void create_schema(Database& db) {
    db.execute(strip_sql_comments(kSchemaText).c_str());
    set_version(db, kSchemaVersion);
}

void migrate(Database& db) {
    for (;;) {
        const int64_t version = read_version(db);
        if (version == kSchemaVersion) {
            return;
        }
        check_version(db, version);
        step_up(db);
    }
}

std::vector<std::string> missing_tables(Database& db) {
    std::vector<std::string> missing;
    Database scratch = Database::open_empty();
    Statement expected(scratch, "SELECT name FROM sqlite_schema WHERE sql IS NOT NULL");
    Statement select(db, "SELECT 1 FROM sqlite_schema WHERE name = ?1");
    while (expected.step()) {
        if (!select.bind(1, expected.text(0)).step()) {
            missing.push_back(expected.string(0));
        }
        select.reset();
    }
    return missing;
}

std::string strip_sql_comments(std::string_view sql) {
    std::string stripped;
    stripped.reserve(sql.size());
    bool in_text = false;
    for (size_t i = 0; i < sql.size(); ++i) {
        if (!in_text && sql.substr(i, 2) == "--") {
            const auto end = sql.find('\n', i);
            if (end == sql.npos) {
                break;
            }
            while (!stripped.empty() && stripped.back() == ' ') {
                stripped.pop_back();
            }
            i = end;
        }
        in_text = in_text != (sql[i] == '\'');
        stripped.push_back(sql[i]);
    }
    return stripped;
}

}  // namespace nau::storage
