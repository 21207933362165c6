#pragma once

// A damaged database: the file is kept under a name that says so, and a new one takes its place,
// with all that can be told without it.
//
//   command finds damage while it opens the store ─▶ rescue, goes on
//   command finds damage while it works           ─▶ fails, leaves a mark ─▶ the next one looks,
//   and
//                                                    rescues
//
// Whoever still has the old file open reads on in it; its next transaction says that it was
// replaced (Database::has_moved). Two that find it at once make one new database.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "storage/paths.h"
#include "storage/rebuild/rebuild.h"

namespace nau::storage {

/// A command has found damage while it worked, and nobody has looked since.
bool is_database_suspect(const Paths& paths);

struct Rescue {
    std::string damage;           ///< what was wrong
    std::filesystem::path aside;  ///< the damaged file
    Rebuilt rebuilt;
};

/// Looks at all of the database, and does all that if something is wrong. Takes the store lock.
/// nullopt: it is sound (again). @throws Error{unsupported} newer schema: nothing is touched
std::optional<Rescue> rescue_database(const Paths& paths, std::string_view boot_id, Time now);

}  // namespace nau::storage
