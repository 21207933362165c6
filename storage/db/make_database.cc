// How a database comes to its place: complete or not at all.

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/fail_point.h"
#include "base/scope_exit.h"
#include "storage/db/database.h"
#include "storage/db/migrations.h"
#include "sys/file.h"
#include "sys/lock_file.h"

namespace nau::storage {

namespace {

/// For as long as a database is made or replaced.
class Making {
  public:
    explicit Making(const std::string& path)
        : path_(path + "-create"), lock_(sys::FileLock::exclusive(path_)) {}
    Making(const Making&) = delete;
    Making& operator=(const Making&) = delete;
    Making(Making&&) = delete;
    Making& operator=(Making&&) = delete;
    ~Making() { (void)::unlink(path_.c_str()); }  // waiters make a new one

  private:
    std::string path_;
    sys::FileLock lock_;
};

void put_in_place(const std::string& path) {
    // The log of a database that was moved away would be replayed into the new one.
    for (const char* suffix : {"-wal", "-shm"}) {
        (void)sys::unlink_if_exists(path + suffix);
    }
    NAU_FAIL_POINT("db.create.before_rename");
    sys::rename(path + "-new", path);
    sys::fsync_directory(std::filesystem::path(path).parent_path().string());
    NAU_FAIL_POINT("db.create.after_rename");
}

}  // namespace

/// Complete and on the disk, as `path`-new.
void Database::build(const std::string& path, const std::function<void(Database&)>& fill) {
    for (const char* suffix : {"-new", "-new-wal", "-new-shm"}) {
        (void)sys::unlink_if_exists(path + suffix);
    }
    const std::string temporary = path + "-new";
    // It holds users' secrets (environments). SQLite gives the log and its index the same mode.
    (void)sys::open(temporary, O_RDWR | O_CREAT | O_EXCL, 0600);
    {
        Database db = connect(temporary, path);
        (void)sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
        db.execute("PRAGMA journal_mode = MEMORY; BEGIN");
        create_schema(db);
        db.execute("COMMIT");
        if (fill) {
            fill(db);
        }
        db.execute("PRAGMA journal_mode = WAL");
    }
    const auto fd = sys::open(temporary, O_RDWR);
    sys::fsync(fd.get());
}

void Database::create(const std::string& path, const std::function<void(Database&)>& fill) {
    const Making making(path);
    if (sys::lstat_if_exists(path)) {
        return;  // somebody else was faster
    }
    build(path, fill);
    put_in_place(path);
}

bool Database::replace(const std::filesystem::path& file,
                       const std::filesystem::path& aside,
                       const std::function<bool()>& is_needed,
                       const std::function<void(Database&)>& fill) {
    const std::string path = file.string();
    const Making making(path);
    if (!is_needed()) {
        return false;
    }
    build(path, fill);
    // Its own name first: killed behind that, a database is missing, which is made anew; one
    // without its log could be taken for a sound one.
    for (const char* suffix : {"", "-wal", "-shm"}) {
        if (sys::lstat_if_exists(path + suffix)) {
            sys::rename(path + suffix, aside.string() + suffix);
        }
        NAU_FAIL_POINT("db.replace.after_move");
    }
    put_in_place(path);
    return true;
}

}  // namespace nau::storage
