#include "storage/snapshots/vfs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "tests/conformance/snapshotter_suite.h"
#include "tests/unit/storage/store_fixture.h"

namespace nau::storage {
namespace {

struct VfsFixture {
    test::TempDir dir{test::TempDir::Medium::memory};
    test::FakeClock clock;
    Store store = Store::open({.graph_root = dir.file("graph"),
                               .run_root = dir.file("run"),
                               .access = Access::write,
                               .clock = clock,
                               .driver = Driver::vfs});
};

struct Subject final : test::SnapshotterUnderTest, VfsFixture {
    Store& store() override { return VfsFixture::store; }
};

TEST_CASE("the vfs snapshotter keeps the snapshotters' promises") {
    test::run_snapshotter_suite([] { return std::make_unique<Subject>(); });
}

TEST_CASE_FIXTURE(VfsFixture, "a container's tree is a copy of its own") {
    const auto base = test::add_layer(store, "base", {});
    const auto layer = store.snapshots().find_layer(base).value();
    sys::link(layer / "base", layer / "twin");
    REQUIRE(::symlink("base", (layer / "link").c_str()) == 0);
    sys::write_file_atomic(layer / "sparse", "x", 0640, sys::Durability::relaxed);
    REQUIRE(::truncate((layer / "sparse").c_str(), 50 << 20) == 0);

    const auto id = test::create_container(store, "c", base);
    const auto spec = store.snapshots().mount_spec(SnapshotKey(id));
    CHECK(spec.kind == MountKind::bind);
    CHECK(spec.origin == layer);
    CHECK(spec.lower_dirs.empty());
    CHECK(sys::lstat(spec.upper / "base").st_ino == sys::lstat(spec.upper / "twin").st_ino);
    CHECK(sys::lstat(spec.upper / "base").st_ino != sys::lstat(layer / "base").st_ino);
    CHECK(sys::lstat(spec.upper / "base").st_mtim.tv_nsec ==
          sys::lstat(layer / "base").st_mtim.tv_nsec);
    CHECK(S_ISLNK(sys::lstat(spec.upper / "link").st_mode));
    const auto sparse = sys::lstat(spec.upper / "sparse");
    CHECK(sparse.st_size == 50 << 20);
    CHECK(sparse.st_blocks * 512 < 1 << 20);
    CHECK((sparse.st_mode & 07777U) == 0640);
    CHECK(store.snapshots().usage(SnapshotKey(id)).inodes == 4);
}

TEST_CASE_FIXTURE(VfsFixture, "half a copy is not a tree") {
    const auto base = test::add_layer(store, "base", {});
    const auto key = SnapshotKey::parse("half");
    Snapshot made{.key = key};
    {
        Transaction tx(store.db());
        made = store.snapshots().prepare(tx, key, base, {});
        tx.commit(Durability::relaxed);
    }
    sys::make_directories(store.paths().snapshot_copy(made.number), 0700);  // died here
    CHECK(sys::file_exists(store.snapshots().mount_spec(key).upper / "base"));
}

TEST_CASE("a store keeps the driver it was made with") {
    const test::TempDir dir{test::TempDir::Medium::memory};
    const test::FakeClock clock;
    std::string reason;
    int asked = 0;
    const auto open = [&](std::optional<Driver> driver) {
        return Store::open({.graph_root = dir.file("graph"),
                            .run_root = dir.file("run"),
                            .access = Access::write,
                            .clock = clock,
                            .driver = driver,
                            .why_no_overlay = [&](const auto& directory) {
                                ++asked;
                                CHECK(sys::is_directory(directory));
                                return reason;
                            }});
    };
    SUBCASE("overlay where it works") {
        CHECK(open({}).snapshots().name() == "overlay");
        reason = "not any more";
        CHECK(open({}).snapshots().name() == "overlay");
        CHECK(asked == 1);
        CHECK_THROWS_AS(open(Driver::vfs), Error);
    }
    SUBCASE("vfs where overlay does not") {
        reason = "no extended attributes";
        CHECK(open({}).snapshots().name() == "vfs");
        reason = "";
        CHECK(open({}).snapshots().name() == "vfs");
        CHECK(asked == 1);
        CHECK_THROWS_AS(open(Driver::overlay), Error);
    }
    SUBCASE("what was asked for") {
        CHECK(open(Driver::vfs).snapshots().name() == "vfs");
        CHECK(asked == 0);
    }
}

}  // namespace
}  // namespace nau::storage
