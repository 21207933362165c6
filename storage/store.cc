#include "storage/store.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "storage/rebuild/copies.h"
#include "storage/rebuild/rebuild.h"
#include "storage/rebuild/rescue.h"
#include "storage/snapshots/overlay.h"
#include "storage/snapshots/vfs.h"
#include "sys/file.h"
#include "sys/process.h"

namespace nau::storage {

namespace {

constexpr mode_t kPrivateMode = 0700;

// The next command that opens the database reads the whole log: about 100 µs for each 64 frames. A
// container's life writes 25 of them, a checkpoint costs 5 to 30 ms, starting a process that does
// it 1 ms: these balance at some hundred and fifty.
constexpr int64_t kWorthwhileLogFrames = 128;
constexpr int64_t kLongLogFrames = 256;
/// When nobody does the upkeep, whoever finds this pays.
constexpr int64_t kOverdueLogFrames = 2048;

void make_run_root(const Paths& paths) {
    // The last of them says that all are there.
    if (sys::lstat_if_exists(paths.container_locks())) {
        return;
    }
    for (const auto& directory :
         {paths.run_root(), paths.container_runs(), paths.network_namespaces()}) {
        sys::make_directories(directory, kPrivateMode);
    }
    sys::make_directories(paths.container_locks(), kPrivateMode);
}

// Room for the log's index and some frames of the log: without them nothing can be removed. Given
// back in pieces, so that a listing, which needs the index only, leaves something for a removal.
constexpr off_t kReserveBytes = off_t{512} << 10U;
constexpr off_t kReservePiece = off_t{64} << 10U;

/// Not a hole, and no failure when there is no room for it now.
void make_reserve(const Paths& paths) noexcept {
    try {
        const auto file = sys::open(paths.reserve(), O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
        if (sys::fstat(file.get()).st_size < kReserveBytes &&
            !sys::fallocate(file.get(), 0, 0, kReserveBytes)) {
            sys::write_all(file.get(), std::string(kReserveBytes, '\0'));
        }
    } catch (const Error& error) {
        NAU_LOG_DEBUG("{}, ignoring", error.text());
    }
}

bool release_piece(const Paths& paths) noexcept {
    try {
        const auto file = sys::open_if_exists(paths.reserve(), O_WRONLY | O_NOFOLLOW);
        const off_t size = file ? sys::fstat(file->get()).st_size : 0;
        if (size <= 0) {
            return false;
        }
        sys::ftruncate(file->get(), std::max<off_t>(0, size - kReservePiece));
        return true;
    } catch (const Error& error) {
        NAU_LOG_WARN("giving space back: {}, ignoring", error.text());
        return false;
    }
}

/// Why a new store gets another driver than overlay is said once, here.
Driver choose_driver(const Paths& paths, const StoreOptions& options) {
    if (options.driver || !options.why_no_overlay) {
        return options.driver.value_or(Driver::overlay);
    }
    const auto directory = paths.snapshots();
    const std::string reason = options.why_no_overlay(directory);
    if (reason.empty()) {
        return Driver::overlay;
    }
    NAU_LOG_WARN(
        "{}: {}; layers and containers will be whole copies (vfs), which takes more time "
        "and space",
        paths.graph_root().string(),
        reason);
    return Driver::vfs;
}

/// Once in the life of a store; the database, made after it, says that all are there.
void make_graph_root(const Paths& paths, const StoreOptions& options) {
    for (const auto& directory : {paths.graph_root(),
                                  paths.blob_directory(oci::DigestAlgorithm::sha256),
                                  paths.blob_directory(oci::DigestAlgorithm::sha512),
                                  paths.ingests(),
                                  paths.snapshots(),
                                  paths.trash(),
                                  paths.volumes(),
                                  paths.containers(),
                                  paths.container_copies(),
                                  paths.events()}) {
        sys::make_directories(directory, kPrivateMode);
    }
    for (const auto& directory : {paths.blobs(), paths.content(), paths.graph_root()}) {
        sys::fsync_directory(directory.string());
    }
    make_reserve(paths);
    // Else only the database was lost, and the layers are as they are.
    if (!sys::lstat_if_exists(paths.driver()) && sys::list_directory(paths.snapshots()).empty()) {
        write_driver(paths, choose_driver(paths, options));
    }
    NAU_FAIL_POINT("store.create.before_database");
}

void make_directories(const Paths& paths, const StoreOptions& options) {
    make_run_root(paths);
    if (!sys::lstat_if_exists(paths.database())) {
        make_graph_root(paths, options);
    }
}

bool is_writable(const Paths& paths) noexcept {
    return ::faccessat(AT_FDCWD, paths.graph_root().c_str(), W_OK, AT_EACCESS) == 0;
}

/// The boot in which the store was settled last.
std::string last_boot(Database& db) {
    Statement select(db, "SELECT value FROM meta WHERE name = 'boot_id'");
    return select.step() ? select.string(0) : std::string();
}

/// Before any work: a read-only store would only be noticed at the first commit.
void require_writable(const Paths& paths) {
    if (::faccessat(AT_FDCWD, paths.graph_root().c_str(), W_OK, AT_EACCESS) != 0 &&
        errno != ENOENT) {
        throw SysError(errno, "open {} for writing", paths.graph_root().string());
    }
}

Database create_or_open(const Paths& paths, const StoreOptions& options) {
    require_writable(paths);
    make_directories(paths, options);
    return Database::open(paths.database(), Database::Mode::write, [&](Database& db) {
        if (has_copies(paths)) {
            const auto rebuilt =
                rebuild_database(db, nullptr, paths, sys::boot_id(), options.clock.now());
            NAU_LOG_WARN(
                "{} was lost: rebuilt it with {}", paths.database().string(), to_text(rebuilt));
        }
    });
}

Database open_for_reading(const Paths& paths, const StoreOptions& options) {
    if (!sys::lstat_if_exists(paths.database()) && has_copies(paths)) {
        return create_or_open(paths, options);  // lost: what was in it can be told all the same
    }
    return open_for_looking(paths);
}

}  // namespace

void require_sound_log(Database& db, std::string_view boot_id) {
    const auto damage = db.check_log();
    if (damage == Database::LogDamage::header ||
        (damage == Database::LogDamage::middle && last_boot(db) == boot_id)) {
        throw DamagedDatabase(db.path() + "-wal",
                              "read",
                              damage == Database::LogDamage::header
                                  ? "the header of the log is damaged"
                                  : "the log is damaged before its end");
    }
}

/// Even reading a log needs a place to write its index to.
Database open_for_looking(const Paths& paths) {
    const bool is_read_only =
        sys::lstat_if_exists(paths.database()) &&
        ::faccessat(AT_FDCWD, paths.graph_root().c_str(), W_OK, AT_EACCESS) != 0;
    if (!is_read_only) {
        return Database::open(paths.database(), Database::Mode::read);
    }
    for (const auto& scratch :
         {paths.run_root(), std::filesystem::path("/dev/shm"), std::filesystem::path("/tmp")}) {
        if (::faccessat(AT_FDCWD, scratch.c_str(), W_OK, AT_EACCESS) == 0) {
            return Database::open_copy(paths.database(), scratch);
        }
    }
    throw SysError(
        EROFS, "open {}: neither it nor the run root can be written", paths.database().string());
}

namespace {

/// Where blocks are smaller than pages SQLite's index of the log has holes after it was made, and
/// touching one of them on a full disk is SIGBUS: there has to be room for all of it.
void make_room_for_index(const Paths& paths) noexcept {
    constexpr uint64_t kIndexBytes = uint64_t{64} << 10U;
    constexpr long kPageBytes = 4096;
    struct ::statfs status = {};
    const auto is_short = [&] {
        return ::statfs(paths.graph_root().c_str(), &status) == 0 && status.f_bsize < kPageBytes &&
               status.f_bavail * static_cast<uint64_t>(status.f_bsize) < kIndexBytes;
    };
    while (is_short() && release_piece(paths)) {
    }
}

/// With the disk full not even a listing works, which needs the index of the log: then the reserve
/// is for it.
Database open_database(const Paths& paths, const StoreOptions& options) {
    make_room_for_index(paths);
    const auto open = [&] {
        return options.access == Access::read ? open_for_reading(paths, options)
                                              : create_or_open(paths, options);
    };
    try {
        return open();
    } catch (const SysError& error) {
        if (!Store::is_disk_full(error) || !release_piece(paths)) {
            throw;
        }
    }
    return open();
}

}  // namespace

struct Store::Parts {
    explicit Parts(const StoreOptions& given)
        : options(given),
          access(options.access),
          paths(options.graph_root, options.run_root),
          clock(options.clock),
          boot_id(sys::boot_id()),
          db(open_database(paths, options)),
          records(db),
          content(paths, paths_of_additional()) {
        db.set_damage_mark(paths.damage_mark());
        require_sound_log(db, boot_id);
        for (const auto& root : options.additional_stores) {
            additional.push_back(
                std::make_unique<AdditionalStore>(root, options.run_root, boot_id));
        }
        make_snapshotter();
    }

    StoreOptions options;
    Access access;
    Paths paths;
    const Clock& clock;
    std::string boot_id;
    Database db;
    Records records;
    ContentStore content;
    std::vector<std::unique_ptr<AdditionalStore>> additional;
    std::unique_ptr<Snapshotter> snapshots;

    std::vector<Paths> paths_of_additional() const {
        std::vector<Paths> all;
        for (const auto& root : options.additional_stores) {
            all.emplace_back(root, options.run_root);
        }
        return all;
    }

    void make_snapshotter() {
        const Driver driver = read_driver(paths);
        const bool is_there = sys::lstat_if_exists(paths.snapshots()).has_value();
        if (is_there && options.driver && *options.driver != driver) {
            throw Error(ErrorKind::invalid,
                        "the store {} keeps its layers with {}, not with {}",
                        paths.graph_root().string(),
                        to_string(driver),
                        to_string(*options.driver))
                .with_hint(
                    "a store keeps the driver that it was made with: give another --root, or "
                    "do not name a driver");
        }
        const auto further = [this, driver](const oci::ChainId& chain_id) {
            return further_layers(chain_id, driver);
        };
        if (driver == Driver::vfs) {
            snapshots = std::make_unique<VfsSnapshotter>(db, paths, clock, boot_id, further);
        } else {
            snapshots = std::make_unique<OverlaySnapshotter>(
                db, paths, clock, options.layer_form, boot_id, further);
        }
    }

    /// Who copies trees can use whole ones only.
    std::optional<std::vector<std::filesystem::path>> further_layers(const oci::ChainId& chain_id,
                                                                     Driver driver) {
        for (const auto& store : additional) {
            if (driver == Driver::vfs && !store->has_whole_trees()) {
                continue;
            }
            if (auto directories = store->lower_dirs(chain_id)) {
                return directories;
            }
        }
        return std::nullopt;
    }

    /// Nothing depends on them while the database is well; when it is not, everything does.
    void write_copies() noexcept {
        try {
            if (db.has_moved() || is_database_suspect(paths)) {
                return;
            }
            std::vector<Image> images;
            for (const auto& name_space : records.namespaces.list()) {
                for (auto& image : records.images.list(name_space.name)) {
                    images.push_back(std::move(image));
                }
            }
            write_image_copies(paths, images);
            write_layer_copies(paths, snapshots->list_committed(), boot_id);
        } catch (const std::exception& error) {
            NAU_LOG_WARN("writing the copy of the image names: {}, ignoring", error.what());
        }
    }

    /// Once after each boot.
    void settle() {
        if (recovered_boot() != boot_id) {
            doing("first use after boot", [&] { recover_after_boot(); });
        }
    }

    std::string recovered_boot() { return last_boot(db); }

    /// What the last boot (or a power cut) left, before anything is built on it.
    void recover_after_boot() {
        const auto lock = StoreLock::acquire(paths, LockMode::exclusive);
        if (recovered_boot() == boot_id) {
            return;  // somebody else did while we waited
        }
        const auto lost = snapshots->discard_unsynced_of_other_boots();
        if (!lost.empty()) {
            NAU_LOG_INFO("{} layers were not on the disk when the machine went down", lost.size());
        }
        const size_t orphans = snapshots->discard_orphans();
        NAU_LOG_DEBUG("first use after boot: {} orphaned snapshot directories", orphans);
        NAU_FAIL_POINT("store.recover.before_mark");
        Transaction tx(db);
        records.networks.release_all_addresses(tx);
        Statement insert(db, "INSERT OR REPLACE INTO meta VALUES ('boot_id', ?1)");
        insert.bind(1, boot_id).run();
        tx.commit(Durability::relaxed);
    }
};

namespace {

/// What happened is told once, by whoever did it.
void rescue(const Paths& paths, const StoreOptions& options) {
    if (!is_writable(paths)) {
        return;
    }
    make_run_root(paths);
    for (;;) {
        try {
            const auto done = doing("rescuing the damaged database", [&] {
                return rescue_database(paths, sys::boot_id(), options.clock.now());
            });
            if (done) {
                NAU_LOG_WARN("{}: kept it as {} and rebuilt it with {}",
                             done->damage,
                             done->aside.string(),
                             to_text(done->rebuilt));
            }
            return;
        } catch (const SysError& error) {
            if (!Store::is_disk_full(error) || !release_piece(paths)) {
                throw;
            }
        }
    }
}

}  // namespace

Store::Store(std::unique_ptr<Parts> parts) noexcept : parts_(std::move(parts)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

Store::~Store() {
    const bool writes = parts_ && parts_->access == Access::write;
    if (writes && parts_->db.has_changed_images()) {
        parts_->write_copies();
    }
    if (writes && parts_->db.log_frames() >= kOverdueLogFrames) {
        shorten_log();
    }
}

Store Store::open(const StoreOptions& options) {
    const auto open = [&] {
        auto parts = std::make_unique<Parts>(options);
        if (options.access == Access::write) {
            parts->settle();
        }
        return Store(std::move(parts));
    };
    const Paths paths(options.graph_root, options.run_root);
    if (!options.rescues_database) {
        return open();
    }
    if (is_database_suspect(paths)) {
        rescue(paths, options);
    }
    try {
        return open();
    } catch (DamagedDatabase& error) {
        if (!is_writable(paths)) {
            error.with_hint("the first command that may write to the store rebuilds its database");
            throw;
        }
    }
    rescue(paths, options);
    return open();
}

void Store::ensure_writable() {
    if (parts_->access == Access::write) {
        return;
    }
    require_writable(parts_->paths);
    make_directories(parts_->paths, parts_->options);
    if (parts_->db.is_stand_in()) {
        parts_->db = create_or_open(parts_->paths, parts_->options);
        parts_->make_snapshotter();  // the driver was chosen only now
    }
    parts_->settle();
    parts_->access = Access::write;
}

Access Store::access() const noexcept {
    return parts_->access;
}
const Paths& Store::paths() const noexcept {
    return parts_->paths;
}
const Clock& Store::clock() const noexcept {
    return parts_->clock;
}
Database& Store::db() noexcept {
    return parts_->db;
}
Records& Store::records() noexcept {
    return parts_->records;
}
ContentStore& Store::content() noexcept {
    return parts_->content;
}
Snapshotter& Store::snapshots() noexcept {
    return *parts_->snapshots;
}
std::span<const std::unique_ptr<AdditionalStore>> Store::additional_stores() noexcept {
    return parts_->additional;
}
const std::string& Store::boot_id() const {
    return parts_->boot_id;
}

bool Store::needs_upkeep() const noexcept {
    return parts_->db.log_frames() >= kLongLogFrames;
}

uint64_t Store::compact() {
    try {
        return parts_->db.compact();
    } catch (const Error& error) {
        NAU_LOG_DEBUG("compacting the database: {}, ignoring", error.text());
        return 0;  // a full disk, or somebody is in the way
    }
}

bool Store::is_disk_full(const SysError& error) noexcept {
    return error.error() == ENOSPC || error.error() == EDQUOT;
}

bool Store::release_reserve() noexcept {
    return release_piece(parts_->paths);
}

void Store::upkeep() {
    parts_->write_copies();
    make_reserve(parts_->paths);
    shorten_log();
}

void Store::shorten_log() {
    if (parts_->db.log_frames() < kWorthwhileLogFrames) {
        return;
    }
    try {
        (void)parts_->db.checkpoint();  // somebody in the way: the next one does it
    } catch (const Error& error) {
        // The command has done its work, and the log holds it.
        NAU_LOG_WARN("{}, ignoring", error.text());
    }
}

}  // namespace nau::storage
