#include "storage/records/records.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "storage/records/json_text.h"
#include "tests/unit/storage/store_fixture.h"

namespace nau::storage {
namespace {

struct Fixture : test::StoreFixture {
    Records& records = store.records();

    Image make_image(std::string_view name, std::string_view content) {
        return {.name_space = "default",
                .name = std::string(name),
                .target = test::describe(content, "application/vnd.oci.image.manifest.v1+json"),
                .created = clock.now(),
                .updated = clock.now(),
                .platform = "linux/amd64",
                .labels = {{"k", "v"}}};
    }
    void put(const Image& image) {
        Transaction tx(store.db());
        records.images.put(tx, image);
        tx.commit(Durability::relaxed);
    }
};

ErrorKind kind_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.kind();
    }
    FAIL("no error");
    return ErrorKind::internal;
}

TEST_CASE_FIXTURE(Fixture, "an image comes back as it was stored, and moves") {
    auto image = make_image("docker.io/library/busybox:latest", "one");
    image.manifest_digest = oci::digest_of("m");
    image.image_id = oci::digest_of("c");
    image.chain_id = test::chain_id_of("l");
    image.size_bytes = 123;
    image.image_created = clock.now() - std::chrono::hours(5);
    put(image);
    auto found = records.images.get("default", image.name);
    CHECK(found.target == image.target);
    CHECK(found.created == image.created);
    CHECK(found.manifest_digest == image.manifest_digest);
    CHECK(found.image_id == image.image_id);
    CHECK(found.chain_id == image.chain_id);
    CHECK(found.platform == image.platform);
    CHECK(found.size_bytes == 123);
    CHECK(found.image_created == image.image_created);
    CHECK(found.labels == image.labels);

    clock.advance(std::chrono::hours(1));
    auto moved = make_image(image.name, "two");
    put(moved);
    found = records.images.get("default", image.name);
    CHECK(found.target == moved.target);
    CHECK(found.created == image.created);
    CHECK(found.updated == clock.now());
    CHECK_FALSE(found.image_id);
    CHECK(records.images.list("default").size() == 1);
    CHECK_FALSE(records.images.find("other", image.name));
    CHECK(kind_of([&] { (void)records.images.get("default", "x"); }) == ErrorKind::not_found);
    Transaction tx(store.db());
    CHECK(records.images.remove(tx, "default", image.name));
    CHECK_FALSE(records.images.remove(tx, "default", image.name));
}

TEST_CASE_FIXTURE(Fixture, "images are found by id prefix under all their names") {
    const auto digest = [](char first) {
        return oci::Digest::parse("sha256:abc" + std::string(61, first));
    };
    auto a = make_image("a:1", "a");
    a.image_id = digest('1');
    auto also_a = make_image("a:2", "a");
    also_a.image_id = digest('1');
    auto b = make_image("b:1", "b");
    b.image_id = digest('2');
    put(a);
    put(also_a);
    put(b);
    CHECK(records.images.find_by_id("default", "abc1").size() == 2);
    CHECK(records.images.find_by_id("default", "sha256:abc2").front().name == "b:1");
    CHECK(records.images.find_by_id("default", b.target.digest.to_string()).size() == 1);
    CHECK(records.images.find_by_id("default", "abd").empty());
    CHECK(records.images.find_by_id("default", "").empty());
    CHECK(records.images.find_by_id("default", "ABC").empty());
    CHECK(records.images.find_by_id("other", "abc1").empty());
    CHECK(kind_of([&] { (void)records.images.find_by_id("default", "abc"); }) ==
          ErrorKind::invalid);
}

TEST_CASE_FIXTURE(Fixture, "namespaces come with their first record and go when empty") {
    auto image = make_image("a:1", "a");
    image.name_space = "team-a";
    put(image);
    const auto list = records.namespaces.list();
    REQUIRE(list.size() == 1);
    CHECK(list.front().name == "team-a");
    Transaction tx(store.db());
    CHECK(kind_of([&] { records.namespaces.remove(tx, "team-a"); }) == ErrorKind::in_use);
    records.namespaces.set_labels(tx, "team-a", {{"owner", "me"}});
    records.namespaces.ensure(tx, "team-a", clock.now());
    CHECK(records.namespaces.list().front().labels.at("owner") == "me");
    CHECK(records.images.remove(tx, "team-a", "a:1"));
    CHECK(records.namespaces.remove(tx, "team-a"));
    CHECK_FALSE(records.namespaces.remove(tx, "team-a"));
    for (const char* name : {"", "..", "a/b", "-a"}) {
        CAPTURE(name);
        CHECK(kind_of([&] { records.namespaces.ensure(tx, name, clock.now()); }) ==
              ErrorKind::invalid);
    }
}

TEST_CASE_FIXTURE(Fixture, "a lease holds what is added to it") {
    const Lease lease{.id = "l1",
                      .name_space = "default",
                      .created = clock.now(),
                      .expires = clock.now() + std::chrono::hours(1),
                      .holder = {.pid = 1, .start_time = 2},
                      .boot_id = "b",
                      .labels = {}};
    const std::vector digests = {oci::digest_of("a"), oci::digest_of("b")};
    Transaction tx(store.db());
    records.leases.create(tx, lease);
    CHECK(kind_of([&] { records.leases.create(tx, lease); }) == ErrorKind::already_exists);
    records.leases.add_blobs(tx, "l1", digests);
    records.leases.add_blobs(tx, "l1", digests);
    records.leases.add_snapshot(tx, "l1", test::chain_id_of("s"));
    CHECK(records.leases.blobs("l1").size() == 2);
    CHECK(records.leases.snapshots("l1") == std::vector{test::chain_id_of("s")});
    CHECK(records.leases.find("l1")->holder == lease.holder);
    CHECK(records.leases.extend(tx, "l1", clock.now()));
    CHECK(records.leases.find("l1")->expires == clock.now());
    CHECK(records.leases.list("default").size() == 1);
    CHECK(records.leases.list("other").empty());
    CHECK(kind_of([&] { records.leases.add_blobs(tx, "gone", digests); }) == ErrorKind::not_found);
    CHECK(records.leases.remove(tx, "l1"));
    CHECK_FALSE(records.leases.remove(tx, "l1"));
    CHECK(records.leases.blobs("l1").empty());
}

TEST_CASE_FIXTURE(Fixture, "volumes and networks") {
    Transaction tx(store.db());
    const Volume volume{.name_space = "default",
                        .name = "data",
                        .labels = {{"a", "b"}},
                        .options = {{"type", "tmpfs"}},
                        .created = clock.now(),
                        .is_anonymous = true};
    records.volumes.create(tx, volume);
    CHECK(kind_of([&] { records.volumes.create(tx, volume); }) == ErrorKind::already_exists);
    CHECK(kind_of([&] { records.volumes.create(tx, {.name_space = "default", .name = "../x"}); }) ==
          ErrorKind::invalid);
    const auto found = records.volumes.find("default", "data");
    REQUIRE(found);
    CHECK(found->options.at("type") == "tmpfs");
    CHECK(found->is_anonymous);
    CHECK_FALSE(found->is_used);
    CHECK(records.volumes.set_used(tx, "default", "data"));
    CHECK(records.volumes.find("default", "data")->is_used);
    CHECK(records.volumes.list("default").size() == 1);
    CHECK(kind_of([&] {
              records.volumes.attach(tx, "default", "absent", ContainerId::generate());
          }) == ErrorKind::not_found);

    const Network network{.id = ContainerId::generate(),
                          .name_space = "default",
                          .name = "front",
                          .labels = {},
                          .created = clock.now(),
                          .config = "{}"};
    records.networks.create(tx, network);
    CHECK(kind_of([&] { records.networks.create(tx, network); }) == ErrorKind::already_exists);
    CHECK(records.networks.find("default", "front")->id == network.id);
    CHECK(records.networks.list("other").empty());
    CHECK(records.networks.list_all().size() == 1);
    CHECK(records.networks.set_config(tx, network.id, "{}"));
    CHECK(records.networks.find("default", "front")->config == "{}");
    CHECK(records.networks.remove(tx, "default", "front"));
    CHECK_FALSE(records.networks.remove(tx, "default", "front"));
}

TEST_CASE("lists and labels survive their text, whatever is in them") {
    const std::vector<std::vector<std::string>> lists = {
        {}, {""}, {"a"}, {"a", "b,c", "[d]"}, {"\"", "\\", "\n\t"}, {"\xc3\xa4", "x y"}};
    for (const auto& list : lists) {
        CHECK(decode_list(encode_list(list)) == list);
    }
    const std::vector<Labels> maps = {
        {}, {{"", ""}}, {{"a", "1"}, {"b", "{}"}}, {{"q\"", "\\"}}, {{"\xe2\x82\xac", "x"}}};
    for (const auto& map : maps) {
        CHECK(decode_labels(encode_labels(map)) == map);
    }
    CHECK(decode_list("") == std::vector<std::string>{});
    CHECK(decode_list("[ \"a\" , \"b\" ]") == std::vector<std::string>{"a", "b"});
    for (const char* text : {"[", "[1]", "{}", "[\"a\"]x", "[\"a\",]"}) {
        CAPTURE(text);
        CHECK_THROWS_AS((void)decode_list(text), Error);
    }
    for (const char* text : {"{", "[]", "{\"a\":1}", "{\"a\"}"}) {
        CAPTURE(text);
        CHECK_THROWS_AS((void)decode_labels(text), Error);
    }
}

}  // namespace
}  // namespace nau::storage
