#pragma once

// How a database comes to the schema of this binary. A new one gets schema.sql; an older one the
// numbered migrations it lacks, each in one transaction together with its number, so that a crash
// leaves the one schema or the next. Opening costs one read of the number.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nau::storage {

class Database;

/// What schema.sql and all migrations amount to.
inline constexpr int64_t kSchemaVersion = 2;

/// Makes all tables. @pre there are none
void create_schema(Database& db);

/// @throws Error{unsupported} when `db` is newer than this binary, {corrupt} when it is empty
void migrate(Database& db);

/// Names of the tables and indexes of this schema that `db` has not. @pre migrated
std::vector<std::string> missing_tables(Database& db);

/// The text without "--" comments; SQLite would store and parse them for ever. Quoted text stays.
std::string strip_sql_comments(std::string_view sql);

}  // namespace nau::storage
