#include "storage/records/networks.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "tests/unit/storage/store_fixture.h"

namespace nau::storage {
namespace {

struct Fixture : test::StoreFixture {
    Networks& networks = store.records().networks;
    Network network{.id = ContainerId::generate(), .name_space = "default", .name = "blue"};
    ContainerId first = ContainerId::generate();
    ContainerId second = ContainerId::generate();

    Fixture() {
        Transaction tx(store.db());
        networks.create(tx, network);
        first = create_container(tx, "first");
        second = create_container(tx, "second");
        tx.commit(Durability::relaxed);
    }
    ContainerId create_container(Transaction& tx, std::string_view name) {
        auto container = test::make_container(store, name);
        store.records().containers.create(tx, container);
        return container.id;
    }
    size_t count() { return networks.addresses(network.id).size(); }
};

TEST_CASE_FIXTURE(Fixture, "an address has one holder until it is released") {
    Transaction tx(store.db());
    networks.take_address(tx, network.id, {.address = "10.0.0.2", .container = first});
    networks.take_address(tx, network.id, {.address = "10.0.0.2", .container = first});
    CHECK_THROWS_WITH_AS(
        networks.take_address(tx, network.id, {.address = "10.0.0.2", .container = second}),
        "address 10.0.0.2 is in use",
        Error);
    networks.take_address(
        tx, network.id, {.address = "10.0.0.3", .container = first, .is_static = true});
    CHECK(count() == 2);
    networks.release_addresses(tx, first);
    REQUIRE(count() == 1);
    CHECK(networks.addresses(network.id).front().address == "10.0.0.3");
    networks.release_addresses(tx, first, network.id);
    CHECK(count() == 0);
}

TEST_CASE_FIXTURE(Fixture, "addresses and ports go with their container and their network") {
    Transaction tx(store.db());
    networks.take_address(
        tx, network.id, {.address = "10.0.0.2", .container = first, .is_static = true});
    networks.take_address(tx, network.id, {.address = "10.0.0.3", .container = second});
    networks.set_ports(tx, first, "80->80/tcp");
    networks.set_cursor(tx, network.id, "10.0.0.0/24", "10.0.0.3");
    CHECK(networks.cursor(network.id, "10.0.0.0/24") == "10.0.0.3");
    CHECK(networks.list_ports().at(first.to_string()) == "80->80/tcp");
    store.records().containers.remove(tx, first);
    CHECK(count() == 1);
    CHECK(networks.list_ports().empty());
    networks.remove(tx, "default", "blue");
    CHECK(count() == 0);
    CHECK_FALSE(networks.cursor(network.id, "10.0.0.0/24"));
}

}  // namespace
}  // namespace nau::storage
