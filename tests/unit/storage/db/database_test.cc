#include "storage/db/database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "storage/db/migrations.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"

namespace nau::storage {
namespace {

using Mode = Database::Mode;

struct Fixture {
    test::TempDir dir{test::TempDir::Medium::memory};
    std::string file = dir.file("nau.db");

    Database open(Mode mode = Mode::write) { return Database::open(file, mode); }
};

void set_fact(Database& db, std::string_view name, std::string_view value, Durability durability) {
    Transaction tx(db);
    Statement insert(db, "INSERT OR REPLACE INTO meta VALUES (?1, ?2)");
    insert.bind(1, name).bind(2, value).run();
    tx.commit(durability);
}

std::optional<std::string> fact(Database& db, std::string_view name) {
    Statement select(db, "SELECT value FROM meta WHERE name = ?1");
    select.bind(1, name);
    return select.step() ? std::optional(select.string(0)) : std::nullopt;
}

ErrorKind kind_of_open(const std::string& file) {
    try {
        (void)Database::open(file, Mode::write);
    } catch (const Error& error) {
        CHECK(error.text().find(file) != std::string::npos);
        return error.kind();
    }
    return ErrorKind::internal;
}

TEST_CASE_FIXTURE(Fixture, "what is committed is there for the next connection") {
    {
        Database db = open();
        set_fact(db, "a", "1", Durability::relaxed);
        set_fact(db, "b", "2", Durability::durable);
    }
    Database db = open(Mode::read);
    CHECK(fact(db, "a") == "1");
    CHECK(fact(db, "b") == "2");
    CHECK(db.check_integrity().empty());
    CHECK((sys::stat(file).st_mode & 0777) == 0600);
    CHECK((sys::stat(file + "-wal").st_mode & 0777) == 0600);
    CHECK_FALSE(sys::file_exists(file + "-create"));
    CHECK_FALSE(sys::file_exists(file + "-new"));
}

TEST_CASE_FIXTURE(Fixture, "closing does not copy the log, a checkpoint does") {
    {
        Database db = open();
        set_fact(db, "a", "1", Durability::relaxed);
        CHECK(db.log_frames() > 0);
    }
    CHECK(sys::stat(file + "-wal").st_size > 0);
    {
        Database db = open();
        CHECK(db.log_frames() > 0);  // whoever opens it knows
        for (int i = 0; i < 100; ++i) {
            set_fact(db, "a", std::to_string(i), Durability::relaxed);
        }
        CHECK(db.log_frames() > 100);
        CHECK(db.checkpoint());
        CHECK(db.log_frames() < 3);
    }
    // A newcomer reads the short new log, not the long old one.
    Database db = open();
    set_fact(db, "b", "", Durability::relaxed);
    CHECK(db.log_frames() < 4);
    CHECK(fact(db, "a") == "99");
}

TEST_CASE_FIXTURE(Fixture, "a checkpoint does not wait for a reader") {
    Database reader = open();
    Database writer = open();
    set_fact(writer, "a", "1", Durability::relaxed);
    Statement open_read(reader, "SELECT name FROM meta");
    CHECK(open_read.step());
    set_fact(writer, "a", "2", Durability::relaxed);
    CHECK_FALSE(writer.checkpoint());
    open_read.reset();
    CHECK(writer.checkpoint());
    CHECK(fact(reader, "a") == "2");
}

TEST_CASE_FIXTURE(Fixture, "a transaction that is not committed leaves nothing") {
    Database db = open();
    {
        Transaction tx(db);
        db.execute("INSERT INTO meta VALUES ('a', '1')");
    }
    CHECK_FALSE(fact(db, "a"));
    CHECK_FALSE(db.in_transaction());
    set_fact(db, "a", "2", Durability::relaxed);
    CHECK(fact(db, "a") == "2");
}

TEST_CASE_FIXTURE(Fixture, "a reader sees the last committed state while a writer is at work") {
    Database writer = open();
    set_fact(writer, "a", "old", Durability::relaxed);
    Database reader = open(Mode::read);
    Transaction tx(writer);
    writer.execute("UPDATE meta SET value = 'new' WHERE name = 'a'");
    CHECK(fact(reader, "a") == "old");
    tx.commit(Durability::relaxed);
    CHECK(fact(reader, "a") == "new");
}

TEST_CASE_FIXTURE(Fixture, "reading where nothing is finds nothing and makes nothing") {
    Database db = open(Mode::read);
    CHECK_FALSE(fact(db, "a"));
    CHECK(sys::list_directory(dir.path()).empty());
}

TEST_CASE_FIXTURE(Fixture, "a database of the first version gets the tables of the newer ones") {
    {
        Database db = open();
        db.execute(
            "DROP TABLE network_addresses; DROP TABLE network_cursors;"
            "DROP TABLE published_ports; PRAGMA user_version = 1");
    }
    Database db = open();
    Statement tables(db,
                     "SELECT count(*) FROM sqlite_schema WHERE name IN ('network_addresses',"
                     " 'network_cursors', 'published_ports', 'network_addresses_by_container')");
    REQUIRE(tables.step());
    CHECK(tables.integer(0) == 4);
}

TEST_CASE_FIXTURE(Fixture, "a newer schema is refused") {
    {
        Database db = open();
        db.execute("PRAGMA user_version = 4711");
    }
    CHECK(kind_of_open(file) == ErrorKind::unsupported);
}

TEST_CASE_FIXTURE(Fixture, "damage is told as such") {
    SUBCASE("not a database") {
        sys::write_file_atomic(file, std::string(8192, 'x'), 0600, sys::Durability::relaxed);
    }
    SUBCASE("emptied") {
        sys::write_file_atomic(file, "", 0600, sys::Durability::relaxed);
    }
    SUBCASE("a page overwritten") {
        {
            Database db = open();
            for (int i = 0; i < 200; ++i) {
                set_fact(db, std::to_string(i), std::string(200, 'v'), Durability::relaxed);
            }
            CHECK(db.checkpoint());
        }
        (void)sys::unlink_if_exists(file + "-wal");
        const auto fd = sys::open(file, O_RDWR);
        const auto size = sys::fstat(fd.get()).st_size;
        sys::pwrite_all(fd.get(), std::string(static_cast<size_t>(size) - 4096, 'x'), 4096);
        try {
            Database db = open();
            (void)fact(db, "7");
            FAIL("the damage went unnoticed");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::corrupt);
            CHECK_FALSE(error.hint().empty());
        }
        return;
    }
    CHECK(kind_of_open(file) == ErrorKind::corrupt);
}

TEST_CASE_FIXTURE(Fixture, "the log of a database that was moved away is not replayed") {
    {
        Database db = open();
        set_fact(db, "a", "1", Durability::relaxed);
    }
    sys::unlink(file);
    Database db = open();
    CHECK_FALSE(fact(db, "a"));
}

TEST_CASE_FIXTURE(Fixture, "an unwritable place is named") {
    CHECK(kind_of_open(dir.file("missing/nau.db")) == ErrorKind::not_found);
    sys::symlink("/dev/null", file);
    CHECK(kind_of_open(file) != ErrorKind::timed_out);
}

TEST_CASE_FIXTURE(Fixture, "several threads with connections of their own never see it locked") {
    constexpr int kThreads = 8;
    constexpr int kRounds = 60;
    {
        Database db = open();
        set_fact(db, "count", "0", Durability::relaxed);
    }
    std::vector<std::jthread> threads;
    std::vector<std::string> failures(kThreads);
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            try {
                for (int i = 0; i < kRounds; ++i) {
                    Database db = open();
                    Transaction tx(db);
                    db.execute("UPDATE meta SET value = value + 1 WHERE name = 'count'");
                    tx.commit(i % 16 == 0 ? Durability::durable : Durability::relaxed);
                    if (i % 8 == t) {
                        (void)db.checkpoint();
                    }
                }
            } catch (const std::exception& error) {
                failures.at(static_cast<size_t>(t)) = error.what();
            }
        });
    }
    threads.clear();
    for (const auto& failure : failures) {
        CHECK(failure == "");
    }
    Database db = open();
    CHECK(fact(db, "count") == std::to_string(kThreads * kRounds));
}

TEST_CASE("comments leave the schema, quoted dashes stay") {
    CHECK(strip_sql_comments("a -- b\nc '--' d") == "a\nc '--' d");
    CHECK(strip_sql_comments("-- only") == "");
    CHECK(strip_sql_comments("x--y") == "x");
}

TEST_CASE_FIXTURE(Fixture, "values come back as they were bound") {
    Database db = open();
    Statement select(db, "SELECT ?1, ?2, ?3, ?4, ?5");
    const std::string bytes("a\0b", 3);
    select.bind(1, bytes)
        .bind(2, int64_t{-5})
        .bind(3, true)
        .bind_null(4)
        .bind(5, std::optional<std::string>("x"));
    CHECK(select.step());
    CHECK(select.string(0) == bytes);
    CHECK(select.integer(1) == -5);
    CHECK(select.boolean(2));
    CHECK(select.is_null(3));
    CHECK_FALSE(select.optional_string(3));
    CHECK(select.optional_string(4) == "x");
    CHECK_FALSE(select.step());
}

}  // namespace
}  // namespace nau::storage
