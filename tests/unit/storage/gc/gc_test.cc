#include <map>

#include <doctest/doctest.h>

#include "base/error.h"
#include "storage/gc/mark.h"
#include "storage/gc/sweep.h"
#include "storage/trash.h"
#include "sys/file.h"
#include "tests/unit/storage/image_fixture.h"

namespace nau::storage {
namespace {

using gc::Node;
using gc::NodeKind;

Node blob(std::string_view key) {
    return {.kind = NodeKind::blob, .key = std::string(key)};
}

TEST_CASE("mark follows references, circles included, and asks each node once") {
    const std::map<std::string, std::vector<Node>> edges = {{"a", {blob("b"), blob("c")}},
                                                            {"b", {blob("c"), blob("a")}},
                                                            {"c", {}},
                                                            {"d", {blob("e")}}};
    std::map<std::string, int> asked;
    const auto references = [&](const Node& node) {
        ++asked[node.key];
        const auto found = edges.find(node.key);
        return found == edges.end() ? std::vector<Node>{} : found->second;
    };
    std::set<Node> marked;
    gc::mark(std::vector{blob("a")}, references, marked);
    CHECK(marked == std::set{blob("a"), blob("b"), blob("c")});
    gc::mark(std::vector{blob("a"), blob("d")}, references, marked);
    CHECK(marked.size() == 5);
    for (const auto& [key, count] : asked) {
        const std::string& node = key;
        CAPTURE(node);
        CHECK(count == 1);
    }
}

struct Fixture : test::StoreFixture {
    const test::TestImage one = test::make_image("one", {"layer a", "layer b"});
    const test::TestImage two = test::make_image("two", {"layer a", "layer c"});

    Collected collect(bool keeps_resumable = true) {
        const auto lock = StoreLock::acquire(store.paths(), LockMode::exclusive);
        return collect_garbage(
            store, lock, {.now = clock.now(), .keeps_resumable = keeps_resumable});
    }
    void remove_image(const test::TestImage& image) {
        Transaction tx(store.db());
        CHECK(store.records().images.remove(tx, "default", image.name));
        tx.commit(Durability::relaxed);
    }
    size_t count_directories() {
        return sys::list_directory(store.paths().snapshots().string()).size();
    }
};

TEST_CASE_FIXTURE(Fixture, "what an image needs stays, what nothing needs goes") {
    test::pull(store, one);
    test::pull(store, two);
    auto collected = collect();
    CHECK(collected.blobs.empty());
    CHECK(collected.layers.empty());
    CHECK(store.content().list_blobs().size() == 7);  // 2 manifests, 2 configs, 3 layers

    remove_image(one);
    collected = collect();
    CHECK(collected.blobs.size() == 3);
    CHECK(collected.layers == std::vector{one.chain_ids[1]});
    CHECK(collected.freed_bytes > 0);
    CHECK(store.snapshots().find(two.chain_ids[0]));
    for (const auto& digest : two.digests()) {
        CHECK(store.content().has(digest));
    }
    CHECK(Trash(store.paths()).empty() == 4);  // small trees go at once
    CHECK(count_directories() == 2);

    remove_image(two);
    collected = collect();
    CHECK(store.content().list_blobs().empty());
    CHECK(store.snapshots().list().empty());
    CHECK(count_directories() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a dry run says the same and removes nothing") {
    test::pull(store, one);
    remove_image(one);
    const auto lock = StoreLock::acquire(store.paths(), LockMode::exclusive);
    const CollectOptions dry{.now = clock.now(), .is_dry_run = true};
    const auto foretold = collect_garbage(store, lock, dry);
    CHECK(foretold.blobs.size() == 4);
    CHECK(store.content().list_blobs().size() == 4);
    CHECK(store.snapshots().list().size() == 2);
    const auto done = collect_garbage(store, lock, {.now = clock.now()});
    CHECK(done.blobs == foretold.blobs);
    CHECK(done.freed_bytes == foretold.freed_bytes);
}

TEST_CASE_FIXTURE(Fixture, "images of other namespaces count") {
    test::pull(store, one);
    {
        Transaction tx(store.db());
        auto record = test::record_of(store, one);
        record.name_space = "other";
        store.records().images.put(tx, record);
        tx.commit(Durability::relaxed);
    }
    remove_image(one);
    CHECK(collect().blobs.empty());
}

TEST_CASE_FIXTURE(Fixture, "an index keeps what it names, absent manifests do no harm") {
    test::pull(store, one);
    oci::Index index{.media_type = std::string(oci::media_type::kImageIndex),
                     .manifests = {*one.manifest, *two.manifest}};
    const std::string bytes = oci::to_json_text(index);
    const auto target = test::describe(bytes, oci::media_type::kImageIndex);
    store.content().write_blob(target, bytes);
    {
        Transaction tx(store.db());
        Image record = test::record_of(store, one);
        record.target = target;
        record.manifest_digest.reset();
        record.image_id.reset();
        record.chain_id.reset();
        store.records().images.put(tx, record);
        tx.commit(Durability::relaxed);
    }
    const auto collected = collect();
    CHECK(collected.blobs.empty());
    CHECK(collected.layers.empty());
}

TEST_CASE_FIXTURE(Fixture, "a container keeps its image's content and its own files") {
    test::pull(store, one);
    auto container = test::make_container(store, "c");
    container.manifest_digest = one.manifest->digest;
    container.image_id = one.config->digest;
    {
        Transaction tx(store.db());
        store.records().containers.create(tx, container);
        const auto snapshot =
            store.snapshots().prepare(tx, SnapshotKey(container.id), one.chain_ids.back(), {});
        tx.commit(Durability::relaxed);
        store.snapshots().make_directories(snapshot);
    }
    remove_image(one);
    CHECK(collect(false).blobs.empty());
    CHECK(store.snapshots().find(SnapshotKey(container.id)));
    {
        Transaction tx(store.db());
        CHECK(store.records().containers.remove(tx, container.id));
        tx.commit(Durability::relaxed);
    }
    clock.advance(std::chrono::hours(2));  // an active snapshot without owner is given a while
    const auto collected = collect();
    CHECK(collected.blobs.size() == 4);
    CHECK(collected.layers.size() == 2);
    CHECK(collected.other_snapshots == 1);
}

TEST_CASE_FIXTURE(Fixture, "a snapshot whose container is being written is left alone") {
    test::pull(store, one);
    const auto id = ContainerId::generate();
    (void)store.snapshots().prepare(store.db(), SnapshotKey(id), one.chain_ids.back());
    CHECK(collect().other_snapshots == 0);
    clock.advance(std::chrono::hours(2));
    CHECK(collect().other_snapshots == 1);
}

TEST_CASE_FIXTURE(Fixture, "a lease keeps what has no name yet") {
    const auto held = test::describe("held");
    const auto free = test::describe("free");
    store.content().write_blob(held, "held");
    store.content().write_blob(free, "free");
    (void)store.content().begin_ingest(test::describe("partial"))->write("par");
    const auto layer = test::add_layer(store, "layer", {});
    Lease lease{.id = "l",
                .name_space = "default",
                .created = clock.now(),
                .expires = clock.now() + std::chrono::hours(48),
                .holder = sys::own_process_id(),
                .boot_id = store.boot_id(),
                .labels = {}};
    bool is_held = true;
    SUBCASE("while its process lives") {}
    SUBCASE("and when it is dead, until it expires: a pull can be resumed") {
        lease.holder = {.pid = 1, .start_time = 1};
        is_held = false;
    }
    SUBCASE("and when it was of another boot") {
        lease.boot_id = "another";
        is_held = false;
    }
    SUBCASE("and when it has no process") {
        lease.holder = {};
    }
    {
        Transaction tx(store.db());
        store.records().leases.create(tx, lease);
        store.records().leases.add_blobs(
            tx, "l", std::vector{held.digest, oci::digest_of("partial")});
        store.records().leases.add_snapshot(tx, "l", layer);
        (void)store.snapshots().prepare(
            tx, SnapshotKey::parse("unpacking"), layer, {.lease = "l", .labels = {}});
        tx.commit(Durability::relaxed);
    }
    clock.advance(std::chrono::hours(30));  // past the grace of ingests
    auto collected = collect();
    CHECK(collected.blobs == std::vector{free.digest});
    CHECK(collected.ingests.empty());
    CHECK(collected.layers.empty());
    CHECK(collected.leases == 0);
    // Half an unpacked layer is of use to its process only.
    CHECK(collected.other_snapshots == (is_held ? 0 : 1));

    collected = collect(/*keeps_resumable=*/false);
    CHECK(collected.blobs.size() == (is_held ? 0 : 1));
    CHECK(collected.ingests.size() == (is_held ? 0 : 1));

    clock.advance(std::chrono::hours(20));
    (void)collect(/*keeps_resumable=*/false);
    CHECK(store.content().list_blobs().empty());
    CHECK(store.content().list_ingests().empty());
    CHECK(store.snapshots().list().empty());
    CHECK(store.records().leases.list_all().empty());
}

TEST_CASE_FIXTURE(Fixture, "partial downloads are kept a while, active ones always") {
    (void)store.content().begin_ingest(test::describe("left"))->write("l");
    auto active = store.content().begin_ingest(test::describe("active"));
    // The files carry the real time, the collector the clock of the test.
    const auto now = SystemClock().now();
    const auto collect_at = [&](Time time) {
        const auto lock = StoreLock::acquire(store.paths(), LockMode::exclusive);
        return collect_garbage(store, lock, {.now = time}).ingests;
    };
    CHECK(collect_at(now).empty());
    CHECK(collect_at(now + std::chrono::hours(25)) == std::vector{oci::digest_of("left")});
    CHECK(collect_at(now + std::chrono::hours(25)).empty());
    active.reset();
    CHECK(collect_at(now + std::chrono::hours(25)).size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "damaged and strange blobs do not stop the collector") {
    test::pull(store, one);
    for (const std::string bytes : {"{", "{}", "{\"mediaType\":\"x\"}", "\x1f\x8b"}) {
        const auto blob_descriptor = test::describe(bytes);
        store.content().write_blob(blob_descriptor, bytes);
        Transaction tx(store.db());
        Image record = test::record_of(store, one);
        record.name = blob_descriptor.digest.to_string();
        record.target = blob_descriptor;
        store.records().images.put(tx, record);
        tx.commit(Durability::relaxed);
    }
    CHECK(collect().blobs.empty());
}

}  // namespace
}  // namespace nau::storage
