#include "storage/store.h"

#include <sys/stat.h>
#include <thread>

#include <doctest/doctest.h>

#include "base/error.h"
#include "storage/trash.h"
#include "sys/file.h"
#include "tests/unit/storage/store_fixture.h"

namespace nau::storage {
namespace {

TEST_CASE("a store opened for reading changes nothing where nothing is") {
    test::TempDir dir;
    test::FakeClock clock;
    Store store = Store::open({.graph_root = dir.file("graph"),
                               .run_root = dir.file("run"),
                               .access = Access::read,
                               .clock = clock});
    CHECK(store.records().containers.list("default").empty());
    CHECK(store.records().images.list("default").empty());
    CHECK(store.content().list_blobs().empty());
    CHECK_FALSE(store.content().has(oci::digest_of("x")));
    CHECK(store.snapshots().list().empty());
    CHECK(sys::list_directory(dir.path()).empty());
}

TEST_CASE_FIXTURE(test::StoreFixture, "a store opened for writing is nobody else's") {
    for (const auto& directory : {dir.file("graph"),
                                  dir.file("graph/content"),
                                  dir.file("graph/snapshots"),
                                  dir.file("run"),
                                  dir.file("run/containers")}) {
        CAPTURE(directory);
        CHECK((sys::stat(directory).st_mode & 07777) == 0700);
    }
}

TEST_CASE_FIXTURE(test::StoreFixture, "what was written is there for the next command") {
    const auto id = test::create_container(store, "c", {});
    Store next = open(Access::read);
    CHECK(next.records().containers.find_by_name("default", "c") == id);
    // And for one that lives already.
    const auto second = test::create_container(store, "d", {});
    CHECK(next.records().containers.find_by_name("default", "d") == second);
}

TEST_CASE_FIXTURE(test::StoreFixture, "the first use after a boot settles what the last one left") {
    const auto lost = test::add_layer(store, "lost", {});
    const auto kept = test::add_layer(store, "kept", {}, SyncState::synced);
    sys::mkdir(store.paths().snapshot(99), 0700);
    SUBCASE("in the same boot nothing happens") {
        Store again = open(Access::write);
        CHECK(again.snapshots().find(lost));
        CHECK(sys::is_directory(store.paths().snapshot(99)));
    }
    SUBCASE("another boot") {
        store.db().execute(
            "UPDATE snapshots SET unsynced_boot = 'old'"
            " WHERE unsynced_boot IS NOT NULL;"
            "UPDATE meta SET value = 'old' WHERE name = 'boot_id'");
        Store reader = open(Access::read);
        CHECK(reader.snapshots().find(lost));  // a reader repairs nothing
        Store again = open(Access::write);
        CHECK_FALSE(again.snapshots().find(lost));
        CHECK(again.snapshots().find(kept));
        CHECK_FALSE(sys::is_directory(store.paths().snapshot(99)));
        (void)Trash(store.paths()).empty();
        CHECK(sys::list_directory(store.paths().snapshots().string()).size() == 1);
    }
}

TEST_CASE_FIXTURE(test::StoreFixture, "upkeep bounds the log") {
    const auto add_rows = [&](int count) {
        for (int i = 0; i < count; ++i) {
            Transaction tx(store.db());
            store.db().execute("INSERT OR REPLACE INTO meta VALUES ('x', 'y')");
            tx.commit(Durability::relaxed);
        }
    };
    add_rows(100);
    store.upkeep();
    CHECK(store.db().log_frames() >= 100);
    CHECK_FALSE(store.needs_upkeep());
    add_rows(200);
    CHECK(store.needs_upkeep());
    {
        Store another = open(Access::write);
        CHECK(another.needs_upkeep());
        another.upkeep();
    }
    CHECK(store.records().images.list("default").empty());  // any reading looks anew
    CHECK_FALSE(store.needs_upkeep());
    add_rows(2100);
    { const Store reader = open(Access::read); }
    CHECK(store.needs_upkeep());
    { const Store writer = open(Access::write); }
    CHECK(store.records().images.list("default").empty());
    CHECK_FALSE(store.needs_upkeep());
}

TEST_CASE("a store for reading becomes one for writing, and what it gave out stays valid") {
    const test::TempDir dir(test::TempDir::Medium::memory);
    const test::FakeClock clock;
    const auto open = [&](Access access) {
        return Store::open({.graph_root = dir.file("graph"),
                            .run_root = dir.file("run"),
                            .access = access,
                            .clock = clock});
    };
    SUBCASE("where nothing was") {}
    SUBCASE("where something was") {
        const Store made = open(Access::write);
    }
    Store store = open(Access::read);
    Containers& containers = store.records().containers;
    CHECK(containers.list("default").empty());
    store.ensure_writable();
    CHECK(store.access() == Access::write);
    const auto id = test::create_container(store, "c", {});
    CHECK(containers.find_by_name("default", "c") == id);
    CHECK(open(Access::read).records().containers.find_by_name("default", "c") == id);
}

TEST_CASE("many may be the first") {
    const test::TempDir dir(test::TempDir::Medium::memory);
    const test::FakeClock clock;
    std::vector<std::string> failures(16);
    {
        std::vector<std::jthread> threads;
        for (auto& failure : failures) {
            threads.emplace_back([&] {
                try {
                    Store store = Store::open({.graph_root = dir.file("graph"),
                                               .run_root = dir.file("run"),
                                               .access = Access::write,
                                               .clock = clock});
                    (void)test::create_container(store, ContainerId::generate().to_string(), {});
                } catch (const Error& error) {
                    failure = error.text();
                }
            });
        }
    }
    for (const auto& failure : failures) {
        CHECK(failure == "");
    }
    Store store = Store::open({.graph_root = dir.file("graph"),
                               .run_root = dir.file("run"),
                               .access = Access::read,
                               .clock = clock});
    CHECK(store.records().containers.list("default").size() == failures.size());
    CHECK_FALSE(sys::file_exists(store.paths().database().string() + "-create"));
}

TEST_CASE("roots that cannot be are named") {
    test::TempDir dir;
    test::FakeClock clock;
    const auto text_of_open = [&](const std::string& graph_root, Access access) {
        try {
            (void)Store::open({.graph_root = graph_root,
                               .run_root = dir.file("run"),
                               .access = access,
                               .clock = clock});
        } catch (const Error& error) {
            return error.text();
        }
        return std::string();
    };
    sys::write_file_atomic(dir.file("file"), "", 0600, sys::Durability::relaxed);
    const std::string below_file = dir.file("file") + "/graph";
    CHECK(text_of_open(below_file, Access::write).find(dir.file("file")) != std::string::npos);
    CHECK(text_of_open("relative", Access::write).find("relative") != std::string::npos);
    CHECK(text_of_open("/proc/nau", Access::write).find("/proc/nau") != std::string::npos);
}

TEST_CASE_FIXTURE(test::StoreFixture,
                  "the trash takes things that are there, under names of their own") {
    const Trash trash(store.paths());
    CHECK_FALSE(trash.take(store.paths().snapshot(7)));
    for (int i = 0; i < 3; ++i) {
        sys::make_directories(store.paths().snapshot_fs(7), 0700);
        CHECK(trash.take(store.paths().snapshot(7)));
    }
    CHECK(list_trash(store.paths()).size() == 3);
    CHECK(trash.empty() == 3);
    CHECK(trash.is_empty());
}

}  // namespace
}  // namespace nau::storage
