#include "tests/conformance/snapshotter_suite.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "base/error.h"
#include "storage/trash.h"
#include "sys/file.h"
#include "tests/unit/storage/store_fixture.h"

namespace nau::test {

namespace {

using namespace storage;  // NOLINT(google-build-using-namespace): a test of that module

class Suite {
  public:
    explicit Suite(Store& store) : store_(store), snapshots_(store.snapshots()) {}

    Snapshot prepare(std::string_view key, const std::optional<oci::ChainId>& parent) {
        return snapshots_.prepare(
            store_.db(), SnapshotKey::parse(key), parent, {.lease = {}, .labels = {{"a", "b"}}});
    }
    ErrorKind kind_of(const std::function<void()>& action) {
        try {
            action();
        } catch (const Error& error) {
            return error.kind();
        }
        FAIL("no error");
        return ErrorKind::internal;
    }

    void prepares() {
        const auto made = prepare("one", {});
        CHECK(made.kind == SnapshotKind::active);
        CHECK_FALSE(made.parent);
        const auto found = snapshots_.find(SnapshotKey::parse("one"));
        REQUIRE(found);
        CHECK(found->number == made.number);
        CHECK(found->labels == made.labels);
        CHECK(found->created == store_.clock().now());
        CHECK(sys::is_directory(snapshots_.apply_target(made.key).directory));
        CHECK(kind_of([&] { prepare("one", {}); }) == ErrorKind::already_exists);
        CHECK(kind_of([&] { prepare("two", chain_id_of("nowhere")); }) == ErrorKind::not_found);
        CHECK_FALSE(snapshots_.find(SnapshotKey::parse("two")));
    }

    void rolls_back() {
        {
            Transaction tx(store_.db());
            (void)snapshots_.prepare(tx, SnapshotKey::parse("never"), std::nullopt, {});
        }
        CHECK_FALSE(snapshots_.find(SnapshotKey::parse("never")));
        CHECK(snapshots_.discard_orphans() == 0);
    }

    void commits() {
        const auto base = add_layer(store_, "base", {});
        const auto committed = snapshots_.get(SnapshotKey(base));
        CHECK(committed.kind == SnapshotKind::committed);
        CHECK_FALSE(snapshots_.find(SnapshotKey::parse("unpack-base")));
        CHECK(committed.unsynced_boot == store_.boot_id());
        CHECK(kind_of([&] { (void)snapshots_.apply_target(committed.key); }) == ErrorKind::invalid);
        CHECK(kind_of([&] { (void)snapshots_.commit(committed.key, chain_id_of("x"), {}); }) ==
              ErrorKind::invalid);
        CHECK(kind_of([&] {
                  (void)snapshots_.commit(SnapshotKey::parse("absent"), chain_id_of("x"), {});
              }) == ErrorKind::not_found);
    }

    void commits_twice() {
        const auto base = add_layer(store_, "base", {});
        const auto first = snapshots_.get(SnapshotKey(base));
        (void)prepare("slower", {});
        const auto second = snapshots_.commit(SnapshotKey::parse("slower"), base, {});
        CHECK(second.number == first.number);
        CHECK_FALSE(snapshots_.find(SnapshotKey::parse("slower")));
        CHECK(snapshots_.list().size() == 1);
    }

    void stacks() {
        const auto base = add_layer(store_, "base", {});
        const auto middle = add_layer(store_, "middle", base);
        const auto top = add_layer(store_, "top", middle);
        const auto lower = snapshots_.lower_dirs(top);
        REQUIRE_FALSE(lower.empty());
        CHECK(std::all_of(
            lower.begin(), lower.end(), [](const auto& path) { return path.is_absolute(); }));
        CHECK(sys::file_exists(lower.front() / "top"));
        CHECK(sys::file_exists(lower.back() / "base"));
        CHECK(snapshots_.find_layer(top) == lower.front());
        CHECK_FALSE(snapshots_.find_layer(chain_id_of("absent")));
        CHECK(kind_of([&] { (void)snapshots_.lower_dirs(chain_id_of("absent")); }) ==
              ErrorKind::not_found);
        const auto id = create_container(store_, "c", top);
        const auto spec = snapshots_.mount_spec(SnapshotKey(id));
        CHECK_FALSE(spec.is_read_only);
        CHECK(sys::is_directory(spec.upper));
        for (const auto& directory : spec.lower_dirs) {
            CHECK(sys::is_directory(directory));
        }
    }

    void views() {
        const auto base = add_layer(store_, "base", {});
        {
            Transaction tx(store_.db());
            (void)snapshots_.view(tx, SnapshotKey::parse("look"), base, {});
            tx.commit(Durability::relaxed);
        }
        const auto spec = snapshots_.mount_spec(SnapshotKey::parse("look"));
        CHECK(spec.is_read_only);
        CHECK(spec.kind == MountKind::bind);
        CHECK(spec.upper.empty());
        CHECK(sys::file_exists(spec.lower_dirs.front() / "base"));
        CHECK(kind_of([&] { snapshots_.remove(store_.db(), SnapshotKey(base)); }) ==
              ErrorKind::in_use);
        CHECK(kind_of([&] { (void)snapshots_.apply_target(SnapshotKey::parse("look")); }) ==
              ErrorKind::invalid);
        CHECK(snapshots_.remove(store_.db(), SnapshotKey::parse("look")));
        CHECK(snapshots_.remove(store_.db(), SnapshotKey(base)));
    }

    void removes() {
        const auto base = add_layer(store_, "base", {});
        const auto id = create_container(store_, "c", base);
        const auto directory = snapshots_.mount_spec(SnapshotKey(id)).upper;
        CHECK(kind_of([&] { snapshots_.remove(store_.db(), SnapshotKey(base)); }) ==
              ErrorKind::in_use);
        CHECK(snapshots_.remove(store_.db(), SnapshotKey(id)));
        CHECK_FALSE(sys::file_exists(directory));
        CHECK_FALSE(snapshots_.remove(store_.db(), SnapshotKey(id)));
        CHECK(snapshots_.discard_orphans() == 0);
        CHECK(Trash(store_.paths()).is_empty());  // small trees go at once
    }

    void removes_big_ones_later() {
        const auto id = create_container(store_, "c", {});
        const auto upper = snapshots_.mount_spec(SnapshotKey(id)).upper;
        for (int i = 0; i < 1000; ++i) {
            sys::mkdir(upper / std::to_string(i), 0700);
        }
        const auto snapshot = snapshots_.get(SnapshotKey(id));
        Transaction tx(store_.db());
        CHECK(snapshots_.remove(tx, SnapshotKey(id)));
        tx.commit(Durability::relaxed);
        CHECK(snapshots_.discard(snapshot));
        CHECK_FALSE(sys::file_exists(upper));
        CHECK(snapshots_.discard_orphans() == 0);
        const Trash trash(store_.paths());
        CHECK(trash.empty() == 1);
        CHECK(trash.is_empty());
    }

    void repairs() {
        // Died between the commit of the row and the making of the directories.
        const auto base = add_layer(store_, "base", {});
        const auto key = SnapshotKey::parse("half");
        {
            Transaction tx(store_.db());
            (void)snapshots_.prepare(tx, key, base, {});
            tx.commit(Durability::relaxed);
        }
        CHECK(sys::is_directory(snapshots_.mount_spec(key).upper));
        CHECK(sys::is_directory(snapshots_.apply_target(key).directory));
        // Or before the directories followed their row.
        const auto snapshot = snapshots_.get(key);
        {
            Transaction tx(store_.db());
            CHECK(snapshots_.remove(tx, key));
            tx.commit(Durability::relaxed);
        }
        CHECK(snapshots_.discard_orphans() == 1);
        CHECK(snapshots_.discard_orphans() == 0);
        snapshots_.discard(snapshot);  // comes too late, and does no harm
    }

    void keeps_root_attributes() {
        (void)prepare("sticky", {});
        sys::chmod(snapshots_.apply_target(SnapshotKey::parse("sticky")).directory, 01777);
        (void)snapshots_.commit(SnapshotKey::parse("sticky"), chain_id_of("sticky"), {});
        const auto id = create_container(store_, "c", chain_id_of("sticky"));
        const auto spec = snapshots_.mount_spec(SnapshotKey(id));
        CHECK((sys::stat(spec.upper).st_mode & 07777) == 01777);
    }

    void syncs() {
        const auto base = add_layer(store_, "base", {});
        CHECK(snapshots_.sync_pending() == 1);
        CHECK(snapshots_.get(SnapshotKey(base)).unsynced_boot.empty());
        CHECK(snapshots_.sync_pending() == 0);
        const auto synced = add_layer(store_, "synced", base, SyncState::synced);
        CHECK(snapshots_.get(SnapshotKey(synced)).unsynced_boot.empty());
        CHECK(snapshots_.discard_unsynced_of_other_boots().empty());
    }

    void forgets_unsynced() {
        const auto base = add_layer(store_, "base", {}, SyncState::synced);
        const auto middle = add_layer(store_, "middle", base);
        const auto top = add_layer(store_, "top", middle, SyncState::synced);
        const auto id = create_container(store_, "c", top);
        store_.db().execute(
            "UPDATE snapshots SET unsynced_boot = 'another' WHERE unsynced_boot"
            " IS NOT NULL");
        auto lost = snapshots_.discard_unsynced_of_other_boots();
        std::sort(lost.begin(), lost.end());
        std::vector<oci::ChainId> expected = {middle, top};
        std::sort(expected.begin(), expected.end());
        CHECK(lost == expected);
        CHECK(snapshots_.find(base));
        CHECK_FALSE(snapshots_.find(top));
        // The container waits for its layers.
        CHECK(kind_of([&] { (void)snapshots_.mount_spec(SnapshotKey(id)); }) ==
              ErrorKind::not_found);
        (void)add_layer(store_, "middle", base);
        (void)add_layer(store_, "top", middle);
        CHECK(sys::is_directory(snapshots_.mount_spec(SnapshotKey(id)).upper));
    }

    void measures() {
        const auto base = add_layer(store_, "base", {});
        const auto usage = snapshots_.usage(SnapshotKey(base));
        CHECK(usage.inodes == 2);
        if (snapshots_.can_rebase()) {  // else the row tells the layer's own weight
            CHECK(snapshots_.get(SnapshotKey(base)).inodes == usage.inodes);
        }
        (void)prepare("active", base);
        const auto directory = snapshots_.apply_target(SnapshotKey::parse("active")).directory;
        const auto before = snapshots_.usage(SnapshotKey::parse("active"));
        sys::mkdir(directory / "d", 0700);
        sys::write_file_atomic(
            directory / "d" / "f", std::string(100'000, 'x'), 0600, sys::Durability::durable);
        sys::link(directory / "d" / "f", directory / "g");
        const auto after = snapshots_.usage(SnapshotKey::parse("active"));
        CHECK(after.inodes == before.inodes + 2);
        CHECK(after.size_bytes >= before.size_bytes + 100'000);
        CHECK(after.size_bytes < before.size_bytes + 150'000);
        CHECK_FALSE(snapshots_.get(SnapshotKey::parse("active")).size_bytes);
    }

    void rebases() {
        if (!snapshots_.can_rebase()) {
            const auto base = add_layer(store_, "base", {});
            (void)prepare("upper", {});
            CHECK(kind_of([&] {
                      (void)snapshots_.commit(
                          SnapshotKey::parse("upper"), chain_id_of("upper"), {.parent = base});
                  }) == ErrorKind::invalid);
            return;
        }
        (void)prepare("upper", {});
        (void)prepare("lower", {});
        CHECK(kind_of([&] {
                  (void)snapshots_.commit(SnapshotKey::parse("upper"),
                                          chain_id_of("upper"),
                                          {.parent = chain_id_of("lower")});
              }) == ErrorKind::not_found);
        (void)snapshots_.commit(SnapshotKey::parse("lower"), chain_id_of("lower"), {});
        const auto upper = snapshots_.commit(
            SnapshotKey::parse("upper"), chain_id_of("upper"), {.parent = chain_id_of("lower")});
        CHECK(upper.parent == chain_id_of("lower"));
        CHECK(snapshots_.lower_dirs(chain_id_of("upper")).size() == 2);
    }

  private:
    Store& store_;
    Snapshotter& snapshots_;
};

}  // namespace

void run_snapshotter_suite(const std::function<std::unique_ptr<SnapshotterUnderTest>()>& make) {
    struct Case {
        const char* name;
        void (Suite::*run)();
    };
    const Case cases[] = {{"prepares", &Suite::prepares},
                          {"rolls back with the transaction", &Suite::rolls_back},
                          {"commits", &Suite::commits},
                          {"commits once when two unpack the same", &Suite::commits_twice},
                          {"stacks", &Suite::stacks},
                          {"views", &Suite::views},
                          {"removes", &Suite::removes},
                          {"removes big trees later", &Suite::removes_big_ones_later},
                          {"repairs what a crash left", &Suite::repairs},
                          {"keeps the root's attributes", &Suite::keeps_root_attributes},
                          {"syncs later", &Suite::syncs},
                          {"throws away what was not synced", &Suite::forgets_unsynced},
                          {"measures", &Suite::measures},
                          {"rebases", &Suite::rebases}};
    for (const auto& entry : cases) {
        SUBCASE(entry.name) {
            const auto subject = make();
            Suite suite(subject->store());
            (suite.*entry.run)();
        }
    }
}

}  // namespace nau::test
