#pragma once

// What survives a command: the database of records, the content store and the snapshots, opened
// together. Everything below is reached through a Store; nobody else knows a file name.
//
//   Store::open ─▶ paths()      names
//                  db()         transactions
//                  records()    images, containers, leases, …: SQL ↔ structs
//                  content()    blobs by digest
//                  snapshots()  layer stacks as directories
//
// Opening reads two small files and prepares one statement; the first use of a table reads the
// schema. A store opened for reading changes nothing on disk when there is none yet: it looks
// empty. A store opened for writing makes the directories, and, once after each boot, settles what
// the last boot left (recover_after_boot). Closing one does the upkeep only when it is long
// overdue.
//
// A Store belongs to one thread, but for its ContentStore, which any thread of an operation may
// use.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "storage/additional_store.h"
#include "storage/content/content_store.h"
#include "storage/db/database.h"
#include "storage/lock.h"
#include "storage/paths.h"
#include "storage/records/records.h"
#include "storage/snapshots/driver.h"
#include "storage/snapshots/snapshotter.h"

namespace nau::storage {

enum class Access { read, write };

struct StoreOptions {
    std::filesystem::path graph_root;
    std::filesystem::path run_root;
    Access access = Access::write;
    const Clock& clock;
    /// overlay_user when nau works without root: for unpacking and in mount specs.
    LayerForm layer_form = LayerForm::overlay_trusted;
    /// How a store that is made keeps its layers; one that is there must agree. nullopt: as
    /// `why_no_overlay` says.
    std::optional<Driver> driver = {};
    /// Asked once, with an empty directory of the new store: why overlayfs cannot work there;
    /// empty: it can. No function: it can.
    std::function<std::string(const std::filesystem::path&)> why_no_overlay = {};
    /// A damaged database is rebuilt, and a warning says so; else opening it fails.
    bool rescues_database = true;
    /// Graph roots of further stores, which are only read; in the order in which they are asked.
    std::vector<std::filesystem::path> additional_stores = {};
};

/// @throws DamagedDatabase when commits were lost behind damage in the log. In another boot than
/// the one that the database was used in last, a power cut may have done that, which is no damage.
void require_sound_log(Database& db, std::string_view boot_id);

class Store {
  public:
    /// @throws Error naming the path: {permission_denied} unwritable or read-only, {unavailable}
    /// disk full, {unsupported} made by a newer nau, {corrupt} damaged database that may not be
    /// replaced
    static Store open(const StoreOptions& options);

    Store(Store&&) noexcept;
    Store& operator=(Store&&) noexcept;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store();

    Access access() const noexcept;
    const Paths& paths() const noexcept;
    const Clock& clock() const noexcept;
    Database& db() noexcept;
    Records& records() noexcept;
    ContentStore& content() noexcept;
    Snapshotter& snapshots() noexcept;
    std::span<const std::unique_ptr<AdditionalStore>> additional_stores() noexcept;
    /// The kernel's boot id; read once.
    const std::string& boot_id() const;

    /// From reading to writing, in place: what was obtained from this Store stays valid, but for
    /// the snapshotter where there was no store to read. Costs next to nothing when there was one.
    /// @throws as open()
    void ensure_writable();

    /// The write-ahead log has grown so long that the next command feels it: have somebody do the
    /// upkeep for whom nobody waits. Asking costs nothing.
    bool needs_upkeep() const noexcept;
    /// Copies the log into the database (5 to 30 ms of waiting for the disk) if it is longer than
    /// half of what needs_upkeep() says. Never waits for other commands: with some in the way it
    /// does what it can.
    void shorten_log();
    /// That, and what lies beside the database for bad days: copies and the reserve.
    void upkeep();
    /// Gives back what the database and its log do not need any more; returns how many bytes. Does
    /// nothing while others are in the way, or when it would not be worth it.
    uint64_t compact();

    /// Gives some of the blocks back that are kept for a full disk. false: there are none left.
    bool release_reserve() noexcept;
    /// What removes something: with the disk full, the action is repeated in what the reserve
    /// leaves. It must be one that can be repeated.
    template <typename Action>
    auto using_reserve(Action action) {
        for (;;) {
            try {
                return action();
            } catch (const SysError& error) {
                if (!is_disk_full(error) || !release_reserve()) {
                    throw;
                }
            }
        }
    }
    static bool is_disk_full(const SysError& error) noexcept;

  private:
    struct Parts;
    explicit Store(std::unique_ptr<Parts> parts) noexcept;

    std::unique_ptr<Parts> parts_;
};

}  // namespace nau::storage
