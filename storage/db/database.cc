#include "storage/db/database.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sqlite3.h>
#include <time.h>
#include <unistd.h>
#include <utility>

#include "base/assert.h"
#include "base/error.h"
#include "base/fail_point.h"
#include "base/scope_exit.h"
#include "storage/db/log_check.h"
#include "storage/db/migrations.h"
#include "sys/file.h"
#include "sys/unique_fd.h"

namespace nau::storage {

namespace {

constexpr std::chrono::nanoseconds kBusyTimeout = std::chrono::seconds(60);

/// Called by SQLite while another connection is in the way. Writers are short (tens of
/// microseconds), so the first naps are too; SQLite's own handler sleeps up to 100 ms and would
/// make fifty parallel runs wait for each other's alarm clocks.
int wait_while_busy(void* /*unused*/, int attempt) noexcept {
    struct Nap {
        int until;
        long nanoseconds;
    };
    // A little of everything 20 µs … 5 ms; the sum over `attempt` bounds the wait.
    constexpr long kFirst = 20'000;
    constexpr long kLongest = 5'000'000;
    const long base = std::min(kLongest, kFirst << std::min(attempt / 4, 8));
    // Different processes must not keep meeting: a cheap jitter from the clock.
    timespec now = {};
    (void)::clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail
    const long jittered = base / 2 + now.tv_nsec % base;
    const timespec nap = {.tv_sec = 0, .tv_nsec = jittered};
    (void)::nanosleep(&nap, nullptr);  // woken early: asks earlier
    const auto longest_naps = kBusyTimeout.count() / kLongest;
    return attempt < longest_naps ? 1 : 0;
}

/// So that the next command looks closer; one that only reads may be the last for a while.
void leave_mark(const std::filesystem::path& mark) noexcept {
    if (!mark.empty()) {
        const sys::UniqueFd file(
            ::open(mark.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));  // or not
    }
}

/// `code` is an extended result code. Never returns.
[[noreturn]] void fail(const Database& db, int code, std::string_view doing) {
    sqlite3* handle = db.handle();
    const std::string& path = db.path();
    const int system_error = handle != nullptr ? sqlite3_system_errno(handle) : 0;
    const char* text = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    switch (code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_ERROR:  // the statements are ours: it is the tables that are not
            leave_mark(db.damage_mark());
            throw DamagedDatabase(path, doing, text);
        case SQLITE_FULL:
            throw SysError(ENOSPC, "{} {}", doing, path);
        case SQLITE_READONLY:
            throw SysError(system_error != 0 ? system_error : EROFS, "{} {}", doing, path);
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
            throw SysError(system_error != 0 ? system_error : EIO, "{} {} ({})", doing, path, text);
        case SQLITE_NOMEM:
            throw SysError(ENOMEM, "{} {}", doing, path);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL:
            throw Error(ErrorKind::timed_out,
                        "{} {}: another process has kept it locked for {} s",
                        doing,
                        path,
                        std::chrono::duration_cast<std::chrono::seconds>(kBusyTimeout).count())
                .with_hint("look for a stopped nau process (state T in ps)");
        case SQLITE_CONSTRAINT:
            throw Error(code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY
                            ? ErrorKind::already_exists
                            : ErrorKind::internal,
                        "{} {}: {}",
                        doing,
                        path,
                        text);
        default:
            throw Error(ErrorKind::internal, "{} {}: {} ({})", doing, path, text, code);
    }
}

}  // namespace

DamagedDatabase::DamagedDatabase(std::string_view path,
                                 std::string_view doing,
                                 std::string_view text)
    : Error(ErrorKind::corrupt, "{} {}: {}", doing, path, text) {
    with_hint(
        "run the command again: the next one keeps the damaged file under another name and "
        "rebuilds "
        "the database from what lies beside it");
}

/// Compiled statements that nobody is using.
class Database::StatementCache {
  public:
    StatementCache() = default;
    StatementCache(const StatementCache&) = delete;
    StatementCache& operator=(const StatementCache&) = delete;
    StatementCache(StatementCache&&) = delete;
    StatementCache& operator=(StatementCache&&) = delete;
    ~StatementCache() {
        for (auto* statement : idle_) {
            (void)sqlite3_finalize(statement);  // repeats the error of the last step
        }
    }

    sqlite3_stmt* take(std::string_view sql) noexcept {
        for (auto& statement : idle_) {
            if (statement != nullptr && sql == sqlite3_sql(statement)) {
                return std::exchange(statement, nullptr);
            }
        }
        return nullptr;
    }

    void give_back(sqlite3_stmt* statement) noexcept {
        (void)sqlite3_reset(statement);  // repeats the error of the last step
        (void)sqlite3_clear_bindings(statement);
        std::swap(idle_[next_], statement);
        next_ = (next_ + 1) % idle_.size();
        (void)sqlite3_finalize(statement);  // the oldest one, or nothing
    }

  private:
    std::array<sqlite3_stmt*, 12> idle_ = {};
    size_t next_ = 0;
};

Database::Database(std::unique_ptr<sqlite3, Close> handle, std::string path)
    : handle_(std::move(handle)),
      statements_(std::make_unique<StatementCache>()),
      path_(std::move(path)) {}

Database::Database(Database&&) noexcept = default;

Database& Database::operator=(Database&& other) noexcept {
    statements_ = std::move(other.statements_);  // before its connection is closed
    handle_ = std::move(other.handle_);
    path_ = std::move(other.path_);
    is_stand_in_ = other.is_stand_in_;
    in_transaction_ = other.in_transaction_;
    has_changed_images_ = other.has_changed_images_;
    damage_mark_ = std::move(other.damage_mark_);
    return *this;
}

Database::~Database() = default;

void Database::Close::operator()(sqlite3* handle) const noexcept {
    (void)sqlite3_close_v2(handle);  // only misuse can fail
}

Database Database::connect(const std::string& file, std::string path) {
    sqlite3* raw = nullptr;
    // One thread per connection (NOMUTEX). Reading needs write access too: the index of the log is
    // shared memory.
    const int result = sqlite3_open_v2(
        file.c_str(),
        &raw,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW,
        nullptr);
    Database db(std::unique_ptr<sqlite3, Close>(raw), std::move(path));
    if (result != SQLITE_OK) {
        fail(db, result, "open");
    }
    (void)sqlite3_busy_handler(raw, wait_while_busy, nullptr);
    (void)sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    (void)sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
    (void)sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    (void)sqlite3_wal_autocheckpoint(raw, 0);
    return db;
}

Database Database::open_copy(const std::filesystem::path& file,
                             const std::filesystem::path& scratch) {
    const std::string directory =
        sys::make_temporary_directory(scratch.string(), ".tmp-read-only-");
    const ScopeExit remove([&]() noexcept {
        // What is open stays.
        for (const char* name : {"/nau.db", "/nau.db-wal", "/nau.db-shm"}) {
            (void)::unlink((directory + name).c_str());
        }
        (void)::rmdir(directory.c_str());
    });
    for (const char* suffix : {"", "-wal"}) {
        const auto from = sys::open_if_exists(file.string() + suffix, O_RDONLY);
        if (from) {
            const auto to = sys::open(directory + "/nau.db" + suffix, O_WRONLY | O_CREAT, 0600);
            (void)sys::copy_data(from->get(), to.get(), UINT64_MAX >> 1U);  // to its end
        }
    }
    Database db = connect(directory + "/nau.db", file.string());
    migrate(db);
    (void)db.data_version();  // the log and its index are open from here on
    return db;
}

Database Database::open_empty() {
    Database db = connect(":memory:", ":memory:");
    create_schema(db);
    return db;
}

Database Database::open(const std::filesystem::path& file,
                        Mode mode,
                        const std::function<void(Database&)>& fill) {
    const std::string path = file.string();
    if (!sys::lstat_if_exists(path)) {
        if (mode == Mode::read) {
            Database stand_in = open_empty();
            stand_in.path_ = path;
            stand_in.is_stand_in_ = true;
            return stand_in;
        }
        doing([&] { return fmt::format("creating {}", path); }, [&] { create(path, fill); });
    }
    Database db = connect(path, path);
    migrate(db);
    // NORMAL: the log is not synced at each commit; Transaction::commit(durable) does that itself.
    // secure_delete FAST: what is deleted is overwritten where that costs no further page.
    db.execute(
        "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST");
    return db;
}

void Database::execute(const char* sql) {
    const int result = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) {
        fail(*this, result, "write");
    }
}

int64_t Database::last_insert_id() const noexcept {
    return sqlite3_last_insert_rowid(handle_.get());
}

int64_t Database::changes() const noexcept {
    return sqlite3_changes64(handle_.get());
}

int64_t Database::log_frames() const noexcept {
    // SQLite tells it to whoever commits (a hook) or checkpoints, not to whoever wants to know
    // whether to. It stands in the index of the log: sqlite.org/walformat.html, "The WAL-Index
    // Header", mxFrame. The mapping is SQLite's own; opening the file a second time would drop its
    // locks when it is closed.
    constexpr int kIndexBytes = 32 * 1024;
    constexpr size_t kMaxFrameWord = 4;
    sqlite3_file* file = nullptr;
    (void)sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (file == nullptr || file->pMethods == nullptr || file->pMethods->iVersion < 2 ||
        file->pMethods->xShmMap == nullptr) {
        return 0;  // in memory
    }
    void volatile* index = nullptr;
    if (file->pMethods->xShmMap(file, 0, kIndexBytes, 0, &index) != SQLITE_OK || index == nullptr) {
        return 0;  // nothing has been read yet
    }
    return static_cast<const uint32_t volatile*>(index)[kMaxFrameWord];
}

bool Database::has_moved() const noexcept {
    int moved = 0;
    (void)sqlite3_file_control(  // in memory: unknown to it, and cannot move
        handle_.get(),
        "main",
        SQLITE_FCNTL_HAS_MOVED,
        &moved);
    return moved != 0;
}

Database::LogDamage Database::check_log() {
    sqlite3_file* log = nullptr;
    (void)sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log == nullptr || log->pMethods == nullptr || in_transaction_) {
        return LogDamage::none;  // in memory
    }
    const LogReader read = [log](std::span<char> to, int64_t offset) {
        return log->pMethods->xRead(log, to.data(), static_cast<int>(to.size()), offset) ==
               SQLITE_OK;
    };
    if (find_log_damage(read, log_frames()) == LogDamage::none) {
        return LogDamage::none;
    }
    // Somebody may be writing just now: once more while nobody can.
    execute("BEGIN IMMEDIATE");
    const LogDamage damage = find_log_damage(read, log_frames());
    execute("ROLLBACK");
    return damage;
}

int64_t Database::data_version() {
    Statement statement(*this, "PRAGMA data_version");
    return statement.step() ? statement.integer(0) : 0;
}

bool Database::checkpoint() {
    NAU_ASSERT(!in_transaction_);
    NAU_FAIL_POINT("db.checkpoint.before");
    // Nobody is waited for: what is in the way now will not be at the next time.
    (void)sqlite3_busy_handler(handle_.get(), nullptr, nullptr);
    const int result = sqlite3_wal_checkpoint_v2(
        handle_.get(), nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
    (void)sqlite3_busy_handler(handle_.get(), wait_while_busy, nullptr);
    if ((result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED) {
        return false;
    }
    if (result != SQLITE_OK) {
        fail(*this, result, "checkpoint");
    }
    NAU_FAIL_POINT("db.checkpoint.before_restart");
    // That the log starts anew is known in shared memory only, which dies with this process; the
    // next one would read the old log again. Writing anything puts it down in the file, and takes
    // the sync that comes with a new log header off the next command's shoulders.
    Transaction tx(*this);
    execute("INSERT OR REPLACE INTO meta VALUES ('checkpoint', '')");
    tx.commit(Durability::relaxed);
    return true;
}

uint64_t Database::compact() {
    NAU_ASSERT(!in_transaction_);
    const auto number = [this](const char* sql) {
        Statement statement(*this, sql);
        return statement.step() ? statement.integer(0) : 0;
    };
    const auto size = [this] {
        uint64_t bytes = 0;
        for (const char* suffix : {"", "-wal"}) {
            const auto status = sys::lstat_if_exists(path_ + suffix);
            bytes += status ? static_cast<uint64_t>(status->st_size) : 0;
        }
        return bytes;
    };
    const uint64_t before = size();
    constexpr int64_t kFewPages = 64;
    const int64_t unused = number("PRAGMA freelist_count");
    if (unused > kFewPages && unused * 4 > number("PRAGMA page_count")) {
        execute("VACUUM");
    }
    (void)sqlite3_wal_checkpoint_v2(  // busy: the next one does it
        handle_.get(),
        nullptr,
        SQLITE_CHECKPOINT_TRUNCATE,
        nullptr,
        nullptr);
    const uint64_t after = size();
    return before > after ? before - after : 0;
}

std::vector<std::string> Database::check_integrity() {
    std::vector<std::string> problems;
    Statement integrity(*this, "PRAGMA integrity_check");
    while (integrity.step()) {
        if (integrity.text(0) != "ok") {
            problems.push_back(integrity.string(0));
        }
    }
    for (const auto& name : missing_tables(*this)) {
        problems.push_back(fmt::format("table or index {} is missing", name));
    }
    Statement foreign(*this, "PRAGMA foreign_key_check");
    while (foreign.step()) {
        problems.push_back(
            fmt::format("{}: row {} refers to nothing", foreign.text(0), foreign.integer(1)));
    }
    return problems;
}

Statement::Statement(Database& db, std::string_view sql)
    : db_(&db), statement_(db.statements_->take(sql), GiveBack{db.statements_.get()}) {
    if (statement_) {
        return;
    }
    sqlite3_stmt* raw = nullptr;
    const int result =
        sqlite3_prepare_v3(db.handle(), sql.data(), static_cast<int>(sql.size()), 0, &raw, nullptr);
    statement_.reset(raw);
    if (result != SQLITE_OK) {
        fail(db, result, "read");
    }
}

void Statement::GiveBack::operator()(sqlite3_stmt* statement) const noexcept {
    cache->give_back(statement);
}

Statement& Statement::bind(int index, std::string_view text) {
    const int result = sqlite3_bind_text64(statement_.get(),
                                           index,
                                           text.data() != nullptr ? text.data() : "",
                                           text.size(),
                                           SQLITE_TRANSIENT,  // NOLINT: SQLite's own cast
                                           SQLITE_UTF8);
    if (result != SQLITE_OK) {
        fail(*db_, result, "bind a parameter of");
    }
    return *this;
}

Statement& Statement::bind(int index, int64_t value) {
    const int result = sqlite3_bind_int64(statement_.get(), index, value);
    NAU_ASSERT(result == SQLITE_OK);
    return *this;
}

Statement& Statement::bind_null(int index) {
    const int result = sqlite3_bind_null(statement_.get(), index);
    NAU_ASSERT(result == SQLITE_OK);
    return *this;
}

bool Statement::step() {
    const int result = sqlite3_step(statement_.get());
    if (result == SQLITE_ROW) {
        return true;
    }
    if (result == SQLITE_DONE) {
        return false;
    }
    const bool reads = sqlite3_stmt_readonly(statement_.get()) != 0;
    fail(*db_, result, reads ? "read" : "write");
}

void Statement::run() {
    while (step()) {
    }
    reset();
}

void Statement::reset() noexcept {
    (void)sqlite3_reset(statement_.get());  // repeats the error of the last step
}

std::string_view Statement::text(int column) const noexcept {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return text == nullptr ? std::string_view() : std::string_view(text, static_cast<size_t>(size));
}

int64_t Statement::integer(int column) const noexcept {
    return sqlite3_column_int64(statement_.get(), column);
}

bool Statement::is_null(int column) const noexcept {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::optional<std::string> Statement::optional_string(int column) const {
    return is_null(column) ? std::nullopt : std::optional(string(column));
}

std::optional<int64_t> Statement::optional_integer(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
}

ReadTransaction::ReadTransaction(Database& db) : db_(db) {
    NAU_ASSERT(!db.in_transaction_);
    db.execute("BEGIN");
    db.in_transaction_ = true;
}

ReadTransaction::~ReadTransaction() {
    db_.in_transaction_ = false;
    // Nothing was written: the end of it cannot fail in a way that matters.
    (void)sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Transaction::Transaction(Database& db) : db_(db) {
    NAU_ASSERT(!db.in_transaction_);
    db.execute("BEGIN IMMEDIATE");
    db.in_transaction_ = true;
}

Transaction::~Transaction() {
    if (!active_) {
        return;
    }
    db_.in_transaction_ = false;
    // After some errors SQLite has rolled back already, and says so; both are what is wanted.
    (void)sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit(Durability durability) {
    NAU_ASSERT(active_);
    NAU_FAIL_POINT("db.commit.before");
    if (db_.has_moved()) {  // the destructor rolls back
        throw Error(ErrorKind::unavailable,
                    "write {}: it was damaged, and another command has replaced it meanwhile",
                    db_.path())
            .with_hint("run the command again");
    }
    db_.execute("COMMIT");
    active_ = false;
    db_.in_transaction_ = false;
    NAU_FAIL_POINT("db.commit.after");
    if (durability == Durability::relaxed) {
        return;
    }
    // What synchronous=FULL would do, but for this transaction only: sync the log. The level cannot
    // be changed inside a transaction, and changing it costs two statements each time.
    sqlite3_file* log = nullptr;
    (void)sqlite3_file_control(db_.handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log == nullptr || log->pMethods == nullptr) {
        return;  // in memory
    }
    const int result = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    if (result != SQLITE_OK) {
        fail(db_, result, "sync");
    }
    NAU_FAIL_POINT("db.commit.after_sync");
}

}  // namespace nau::storage
