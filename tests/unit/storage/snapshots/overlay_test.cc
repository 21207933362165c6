#include "storage/snapshots/overlay.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "tests/conformance/snapshotter_suite.h"
#include "tests/unit/storage/store_fixture.h"

namespace nau::storage {
namespace {

struct Subject final : test::SnapshotterUnderTest, test::StoreFixture {
    Store& store() override { return StoreFixture::store; }
};

TEST_CASE("the overlay snapshotter keeps the snapshotters' promises") {
    test::run_snapshotter_suite([] { return std::make_unique<Subject>(); });
}

TEST_CASE_FIXTURE(test::StoreFixture, "mount specs are what overlayfs takes") {
    auto& snapshots = store.snapshots();
    const auto base = test::add_layer(store, "base", {});
    const auto top = test::add_layer(store, "top", base);

    const auto on_nothing = test::create_container(store, "on-nothing", {});
    const auto plain = snapshots.mount_spec(SnapshotKey(on_nothing));
    CHECK(plain.kind == MountKind::bind);
    CHECK(plain.lower_dirs.empty());
    CHECK(plain.work.empty());
    CHECK_FALSE(plain.upper.empty());

    const auto on_top = test::create_container(store, "on-top", top);
    const auto spec = snapshots.mount_spec(SnapshotKey(on_top));
    CHECK(spec.kind == MountKind::overlay);
    CHECK(spec.lower_dirs == snapshots.lower_dirs(top));
    CHECK(spec.lower_dirs.size() == 2);
    CHECK(spec.upper == store.paths().snapshot_fs(4));
    CHECK(spec.work == store.paths().snapshot_work(4));
    CHECK(spec.has_user_xattrs);
    CHECK(sys::is_directory(spec.work));

    const auto committed = snapshots.mount_spec(SnapshotKey(top));
    CHECK(committed.kind == MountKind::overlay);
    CHECK(committed.is_read_only);
    CHECK(snapshots.mount_spec(SnapshotKey(base)).kind == MountKind::bind);
}

TEST_CASE_FIXTURE(test::StoreFixture, "numbers are not used twice") {
    const auto key = SnapshotKey::parse("a");
    const auto first = store.snapshots().prepare(store.db(), key, {});
    CHECK(store.snapshots().remove(store.db(), key));
    const auto second = store.snapshots().prepare(store.db(), key, {});
    CHECK(second.number > first.number);
}

TEST_CASE_FIXTURE(test::StoreFixture, "what lies in the way of a new directory is not believed") {
    // A power cut took the row back, but not the directory.
    const auto next = store.paths().snapshot_fs(1);
    sys::make_directories(next, 0700);
    sys::write_file_atomic(next / "secret", "x", 0600, sys::Durability::relaxed);
    const auto made = store.snapshots().prepare(store.db(), SnapshotKey::parse("a"), {});
    CHECK(made.number == 1);
    CHECK_FALSE(sys::file_exists(next / "secret"));
    CHECK(sys::is_directory(store.paths().snapshot_work(1)));
}

TEST_CASE("snapshot keys are plain") {
    for (const char* text : {"", "a/b", "a b", "\n"}) {
        CAPTURE(text);
        CHECK_THROWS_AS((void)SnapshotKey::parse(text), Error);
    }
    CHECK_THROWS_AS((void)SnapshotKey::parse(std::string(161, 'a')), Error);
}

}  // namespace
}  // namespace nau::storage
