#include "storage/rebuild/rescue.h"

#include "base/log.h"
#include "storage/db/database.h"
#include "storage/lock.h"
#include "storage/records/records.h"
#include "storage/store.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

/// Empty: none.
std::string find_damage(const Paths& paths, std::string_view boot_id) {
    try {
        Database db = Database::open(paths.database(), Database::Mode::read);
        if (db.is_stand_in()) {
            return fmt::format("{} is gone", paths.database().string());
        }
        require_sound_log(db, boot_id);
        const auto problems = db.check_integrity();
        return problems.empty()
                   ? std::string()
                   : fmt::format("{}: {}", paths.database().string(), problems.front());
    } catch (const DamagedDatabase& error) {
        return error.text();
    }
}

/// What can be read of it at all.
std::optional<Database> open_what_is_left(const Paths& paths) noexcept {
    try {
        return Database::open(paths.database(), Database::Mode::read);
    } catch (const Error&) {
        return std::nullopt;  // nothing
    }
}

std::filesystem::path name_aside(const Paths& paths, Time now) {
    const std::string stem =
        fmt::format("{}-damaged-{}", paths.database().string(), format_rfc3339(now).substr(0, 19));
    std::string name = stem;
    for (int i = 2; sys::lstat_if_exists(name); ++i) {
        name = fmt::format("{}.{}", stem, i);
    }
    return name;
}

}  // namespace

bool is_database_suspect(const Paths& paths) {
    return sys::lstat_if_exists(paths.damage_mark()).has_value();
}

std::optional<Rescue> rescue_database(const Paths& paths, std::string_view boot_id, Time now) {
    // No collector may go by what a damaged database says, nor see the new one half filled.
    const auto lock = StoreLock::acquire(paths, LockMode::exclusive);
    Rescue rescue;
    const bool is_replaced = Database::replace(
        paths.database(),
        rescue.aside = name_aside(paths, now),
        [&] { return !(rescue.damage = find_damage(paths, boot_id)).empty(); },
        [&](Database& db) {
            auto old = open_what_is_left(paths);
            rescue.rebuilt = rebuild_database(db, old ? &*old : nullptr, paths, boot_id, now);
        });
    (void)sys::unlink_if_exists(paths.damage_mark());
    if (!is_replaced) {
        return std::nullopt;
    }
    return rescue;
}

}  // namespace nau::storage
