#pragma once

// SQLite, and the only home of its API. One Database is one connection in WAL mode with foreign
// keys on; it belongs to one thread and never crosses fork().
//
// What there is no daemon for costs something here: whoever closes the last connection would copy
// the log into the database (5-16 ms), so closing never does (NO_CKPT_ON_CLOSE); and whoever opens
// the first one reads the whole log, so it must not grow: checkpoint() is called on purpose.
//
//   Transaction tx(db);            BEGIN IMMEDIATE: waits for the other writer, never for a reader
//     Statement s(db, "insert …"); s.bind(1, …); s.run();
//   tx.commit(relaxed);            visible to all; survives the death of every process
//   tx.commit(durable);            and a power cut
//
// Nothing on this road throws unless something is wrong. A damaged file is a DamagedDatabase, a
// full disk Error{unavailable}, both with the file's name.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace nau::storage {

/// What has happened when Transaction::commit returns.
enum class Durability {
    durable,  ///< the log is on the disk
    relaxed,  ///< other processes see it; a power cut may take the newest of such commits back, in
              ///< order
};

/// The file is not what SQLite or this schema needs, wherever in a command that shows; kind
/// corrupt. Whoever opens the store next rescues what was in it (rebuild/rescue.h).
class DamagedDatabase : public Error {
  public:
    DamagedDatabase(std::string_view path, std::string_view doing, std::string_view text);
};

class Database {
  public:
    enum class Mode {
        read,   ///< an absent file looks like an empty database, and is not made
        write,  ///< made when absent
    };

    /// Opens, and migrates when the file is of an older schema.
    /// @throws Error{unsupported} newer schema, {corrupt}, {permission_denied}, {unavailable}
    /// `fill` gives a database that is made its first rows, before anybody sees it.
    static Database open(const std::filesystem::path& file,
                         Mode mode,
                         const std::function<void(Database&)>& fill = {});
    /// In memory, with all tables.
    static Database open_empty();
    /// For a file system on which nothing can be written: a copy of the file and its log, in
    /// `scratch` and gone with the process. @throws as open()
    static Database open_copy(const std::filesystem::path& file,
                              const std::filesystem::path& scratch);
    /// A new database in the place of a damaged one, which is moved to `aside` with its log.
    /// `is_needed` is asked when nobody else is at it any more; false: nothing is done, and that is
    /// the result. `fill` sees the old one still in its place.
    static bool replace(const std::filesystem::path& file,
                        const std::filesystem::path& aside,
                        const std::function<bool()>& is_needed,
                        const std::function<void(Database&)>& fill);

    Database(Database&&) noexcept;
    Database& operator=(Database&&) noexcept;
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    /// Statements without parameters and without result.
    void execute(const char* sql);
    int64_t last_insert_id() const noexcept;
    /// Rows changed by the last insert, update or delete.
    int64_t changes() const noexcept;
    /// Changes whenever another connection has committed.
    int64_t data_version();
    /// Frames (pages) in the write-ahead log, as of this connection's last read or write: what the
    /// next command that opens the database has to read.
    int64_t log_frames() const noexcept;
    /// Copies the log into the database and starts it anew. Never waits for readers or writers:
    /// with some in the way it does what it can, and returns false. @pre no transaction
    bool checkpoint();
    /// Makes the file smaller where much of it is unused, and empties the log; returns how many
    /// bytes that freed. @pre no transaction
    uint64_t compact();
    /// Everything SQLite can check, and that all tables are there. Empty when sound.
    std::vector<std::string> check_integrity();
    /// Where the log is not what SQLite has written: the reader takes it for its end, and whatever
    /// was committed behind it is silently gone. A power cut may look like the second one.
    enum class LogDamage { none, header, middle };
    LogDamage check_log();

    /// From here on whoever finds damage leaves this file behind, so that the next command looks
    /// closer.
    void set_damage_mark(std::filesystem::path mark) { damage_mark_ = std::move(mark); }
    const std::filesystem::path& damage_mark() const noexcept { return damage_mark_; }
    /// Another file has the name now: nothing that is written here would be seen.
    bool has_moved() const noexcept;

    const std::string& path() const noexcept { return path_; }
    /// Opened for reading where no file was.
    bool is_stand_in() const noexcept { return is_stand_in_; }
    bool in_transaction() const noexcept { return in_transaction_; }
    /// This connection has written names of images: their copy beside the database is behind.
    bool has_changed_images() const noexcept { return has_changed_images_; }
    void note_changed_images() noexcept { has_changed_images_ = true; }
    sqlite3* handle() const noexcept { return handle_.get(); }

  private:
    friend class ReadTransaction;
    friend class Transaction;
    friend class Statement;
    class StatementCache;
    struct Close {
        void operator()(sqlite3* handle) const noexcept;
    };

    static Database connect(const std::string& file, std::string path);
    static void create(const std::string& path, const std::function<void(Database&)>& fill);
    static void build(const std::string& path, const std::function<void(Database&)>& fill);

    Database(std::unique_ptr<sqlite3, Close> handle, std::string path);

    std::unique_ptr<sqlite3, Close> handle_;
    /// Behind the handle, so that it goes first.
    std::unique_ptr<StatementCache> statements_;
    std::string path_;
    bool is_stand_in_ = false;
    bool in_transaction_ = false;
    bool has_changed_images_ = false;
    std::filesystem::path damage_mark_ = {};
};

/// Parsing SQL costs more than running it, and a removal of a thousand containers runs the same few
/// texts a thousand times: what a Statement has compiled stays with the Database for the next one
/// of the same text.
class Statement {
  public:
    /// `sql` is one statement. @pre the database outlives it, where it is
    Statement(Database& db, std::string_view sql);
    Statement(Statement&&) noexcept = default;
    Statement& operator=(Statement&&) noexcept = default;
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement() = default;

    // Parameters count from 1. Texts are copied.
    Statement& bind(int index, std::string_view text);
    Statement& bind(int index, const std::string& text) {
        return bind(index, std::string_view(text));
    }
    Statement& bind(int index, const char* text) { return bind(index, std::string_view(text)); }
    Statement& bind(int index, int64_t value);
    Statement& bind(int index, int value) { return bind(index, int64_t{value}); }
    Statement& bind(int index, bool value) { return bind(index, int64_t{value ? 1 : 0}); }
    Statement& bind_null(int index);
    template <typename T>
    Statement& bind(int index, const std::optional<T>& value) {
        return value ? bind(index, *value) : bind_null(index);
    }

    /// The next row, if there is one.
    bool step();
    /// To the end, for statements without result; then reset.
    void run();
    /// Ready for the next execution; parameters keep their values.
    void reset() noexcept;

    // Columns count from 0; text() is valid until the next step() or reset().
    std::string_view text(int column) const noexcept;
    std::string string(int column) const { return std::string(text(column)); }
    int64_t integer(int column) const noexcept;
    bool boolean(int column) const noexcept { return integer(column) != 0; }
    bool is_null(int column) const noexcept;
    std::optional<std::string> optional_string(int column) const;
    std::optional<int64_t> optional_integer(int column) const;

  private:
    struct GiveBack {
        Database::StatementCache* cache = nullptr;
        void operator()(sqlite3_stmt* statement) const noexcept;
    };

    Database* db_;
    std::unique_ptr<sqlite3_stmt, GiveBack> statement_;
};

/// All reads until its end see one state, and pay for its locks once. @pre no transaction
class [[nodiscard]] ReadTransaction {
  public:
    explicit ReadTransaction(Database& db);
    ReadTransaction(const ReadTransaction&) = delete;
    ReadTransaction& operator=(const ReadTransaction&) = delete;
    ReadTransaction(ReadTransaction&&) = delete;
    ReadTransaction& operator=(ReadTransaction&&) = delete;
    ~ReadTransaction();

  private:
    Database& db_;
};

class [[nodiscard]] Transaction {
  public:
    /// BEGIN IMMEDIATE. @throws Error{timed_out} when another writer is in the way for 60 seconds
    explicit Transaction(Database& db);
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    Transaction(Transaction&&) = delete;
    Transaction& operator=(Transaction&&) = delete;
    /// Rolls back unless committed.
    ~Transaction();

    /// Fail points "db.commit.{before,after}". @throws Error{unavailable} when the database was
    /// replaced since it was opened
    void commit(Durability durability);
    Database& db() const noexcept { return db_; }

  private:
    Database& db_;
    bool active_ = true;
};

}  // namespace nau::storage
