#include "storage/db/log_check.h"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include "storage/db/database.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"

namespace nau::storage {
namespace {

using Damage = Database::LogDamage;

constexpr size_t kHeader = 32;
constexpr size_t kFrame = 24 + 4096;

/// A log as SQLite has written it: a commit for each of `commits`.
struct Log {
    explicit Log(int commits) {
        Database db = Database::open(dir.file("nau.db"), Database::Mode::write);
        for (int i = 0; i < commits; ++i) {
            Transaction tx(db);
            Statement insert(db, "INSERT INTO meta VALUES (?1, 'x')");
            insert.bind(1, std::to_string(i)).run();
            tx.commit(Durability::relaxed);
        }
        frames = db.log_frames();
        bytes = sys::read_file(dir.file("nau.db-wal"), 1 << 20);
    }

    Damage check(int64_t seen_frames) const {
        return find_log_damage(
            [this](std::span<char> to, int64_t offset) {
                const auto from = static_cast<size_t>(offset);
                if (from + to.size() > bytes.size()) {
                    return false;
                }
                std::copy_n(&bytes[from], to.size(), to.begin());
                return true;
            },
            seen_frames);
    }

    test::TempDir dir{test::TempDir::Medium::memory};
    std::string bytes;
    int64_t frames = 0;
};

TEST_CASE("a log of SQLite is sound, whatever of it was committed") {
    const Log log(5);
    REQUIRE(log.frames == 5);
    CHECK(log.check(5) == Damage::none);
    CHECK(log.check(3) == Damage::none);  // valid frames, as of a transaction under way
    CHECK(log.check(0) == Damage::none);
}

TEST_CASE("a header that is not SQLite's is damage, one of zeros or a short one is none") {
    Log log(1);
    SUBCASE("one bit") {
        log.bytes[13] = static_cast<char>(log.bytes[13] ^ 1);
        CHECK(log.check(0) == Damage::header);
    }
    SUBCASE("its checksum") {
        log.bytes[24] = static_cast<char>(log.bytes[24] ^ 1);
        CHECK(log.check(0) == Damage::header);
    }
    SUBCASE("text") {
        log.bytes.replace(0, kHeader, std::string(kHeader, 'x'));
        CHECK(log.check(0) == Damage::header);
    }
    SUBCASE("zeros") {
        log.bytes.replace(0, kHeader, std::string(kHeader, '\0'));
        CHECK(log.check(0) == Damage::none);
    }
    SUBCASE("short") {
        log.bytes.resize(20);
        CHECK(log.check(0) == Damage::none);
    }
}

TEST_CASE("commits behind a damaged frame prove that it is not the end") {
    Log log(5);
    SUBCASE("in its page") {
        log.bytes[kHeader + 2 * kFrame + 1000] ^= 1;
        CHECK(log.check(2) == Damage::middle);
    }
    SUBCASE("in its header") {
        log.bytes[kHeader + 2 * kFrame + 10] ^= 1;
        CHECK(log.check(2) == Damage::middle);
    }
    SUBCASE("in the last one nobody can tell it from a torn end") {
        log.bytes[kHeader + 4 * kFrame + 1000] ^= 1;
        CHECK(log.check(4) == Damage::none);
    }
    SUBCASE("frames of the generation before are no commits of this one") {
        for (size_t frame = 2; frame < 5; ++frame) {
            log.bytes[kHeader + frame * kFrame + 8] ^= 1;
        }
        CHECK(log.check(2) == Damage::none);
    }
    SUBCASE("what a killed writer left, and the next one has half overwritten, has no commit") {
        for (size_t frame = 2; frame < 5; ++frame) {
            log.bytes.replace(kHeader + frame * kFrame + 4, 4, std::string(4, '\0'));
        }
        CHECK(log.check(2) == Damage::none);
    }
}

}  // namespace
}  // namespace nau::storage
