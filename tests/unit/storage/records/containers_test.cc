#include "storage/records/containers.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "tests/unit/storage/store_fixture.h"

namespace nau::storage {
namespace {

struct Fixture : test::StoreFixture {
    Containers& containers = store.records().containers;

    ContainerId create(std::string_view name, std::string_view name_space = "default") {
        auto container = test::make_container(store, name);
        container.name_space = name_space;
        return create(container);
    }
    ContainerId create(const Container& container) {
        Transaction tx(store.db());
        containers.create(tx, container);
        tx.commit(Durability::relaxed);
        return container.id;
    }
};

ErrorKind kind_of(const std::function<void()>& action, std::string_view text) {
    try {
        action();
    } catch (const Error& error) {
        CHECK(error.text().find(text) != std::string::npos);
        return error.kind();
    }
    FAIL("no error");
    return ErrorKind::internal;
}

TEST_CASE_FIXTURE(Fixture, "a container comes back as it was stored") {
    auto container = test::make_container(store, "web");
    container.image_id = oci::digest_of("config");
    container.manifest_digest = oci::digest_of("manifest");
    container.command = {"sh", "-c", "echo \"a\\b\"\n\xc3\xa4"};
    container.networks = {"bridge"};
    container.mounts = {"/data", "/etc/x"};
    container.labels = {{"a", "1"}, {"quoted \"label\"", "\xe2\x9c\x93"}, {"empty", ""}};
    container.auto_remove = true;
    container.config = R"({"a":1})";
    container.spec = R"({"ociVersion":"1.2.0"})";
    (void)create(container);
    const auto found = containers.get(container.id);
    CHECK(found.name_space == "default");
    CHECK(found.name == "web");
    CHECK(found.image_name == container.image_name);
    CHECK(found.image_id == container.image_id);
    CHECK(found.manifest_digest == container.manifest_digest);
    CHECK(found.command == container.command);
    CHECK(found.networks == container.networks);
    CHECK(found.mounts == container.mounts);
    CHECK(found.labels == container.labels);
    CHECK(found.created == clock.now());
    CHECK(found.auto_remove);
    CHECK(found.snapshot_key == container.id.to_string());
    CHECK(found.config == container.config);
    CHECK(found.spec == container.spec);
    CHECK(found.state == ContainerState{});
    CHECK_FALSE(containers.find(ContainerId::generate()));
}

TEST_CASE_FIXTURE(Fixture, "state changes and nothing else") {
    const auto id = create("web");
    ContainerState state{.status = ContainerStatus::exited,
                         .init = {.pid = 42, .start_time = 4711},
                         .monitor = {.pid = 41, .start_time = 4710},
                         .boot_id = "boot",
                         .started_at = clock.now(),
                         .finished_at = clock.now() + std::chrono::seconds(3),
                         .exit_code = 137,
                         .exit_signal = 9,
                         .oom_killed = true,
                         .error = "gone",
                         .restart_count = 2};
    Transaction tx(store.db());
    CHECK(containers.set_state(tx, id, state));
    CHECK_FALSE(containers.set_state(tx, ContainerId::generate(), state));
    CHECK(containers.set_config(tx, id, "{\"new\":true}"));
    tx.commit(Durability::relaxed);
    CHECK(containers.find_state(id) == state);
    CHECK(containers.get(id).config == "{\"new\":true}");
    CHECK(containers.get(id).name == "web");
}

TEST_CASE_FIXTURE(Fixture, "a name is unique in its namespace, and the holder is named") {
    const auto first = create("web");
    (void)create("web", "other");
    CHECK(kind_of([&] { (void)create("web"); }, first.short_id()) == ErrorKind::already_exists);
    const auto second = create("db");
    Transaction tx(store.db());
    CHECK(kind_of([&] { containers.rename(tx, second, "web"); }, first.short_id()) ==
          ErrorKind::already_exists);
    CHECK(containers.rename(tx, second, "db"));
    CHECK(containers.rename(tx, second, "cache"));
    CHECK_FALSE(containers.rename(tx, ContainerId::generate(), "x"));
    CHECK(containers.find_by_name("default", "cache") == second);
    CHECK_FALSE(containers.find_by_name("default", "db"));
    CHECK(kind_of([&] { containers.rename(tx, second, "a b"); }, "a b") == ErrorKind::invalid);
}

TEST_CASE_FIXTURE(Fixture, "a container is found by id, name or unique prefix, in this order") {
    auto one = test::make_container(store, "one");
    auto two = test::make_container(store, "two");
    one.id = ContainerId::parse("aaaa" + std::string(60, '1'));
    two.id = ContainerId::parse("aaab" + std::string(60, '2'));
    (void)create(one);
    (void)create(two);
    const auto tricky = create("aaaa");  // a name that looks like a prefix
    CHECK(containers.resolve("default", one.id.to_string()) == one.id);
    CHECK(containers.resolve("default", "two") == two.id);
    CHECK(containers.resolve("default", "aaab") == two.id);
    CHECK(containers.resolve("default", "aaaa1") == one.id);
    CHECK(containers.resolve("default", "aaaa") == tricky);
    CHECK_FALSE(containers.resolve("default", "aaac"));
    CHECK_FALSE(containers.resolve("default", ""));
    CHECK_FALSE(containers.resolve("default", "AAAB"));
    CHECK_FALSE(containers.resolve("default", "a%"));
    CHECK_FALSE(containers.resolve("other", one.id.to_string()));
    CHECK_FALSE(containers.resolve("other", "aaab"));
    CHECK(kind_of([&] { (void)containers.resolve("default", "aaa"); },
                  "aaaa11111111 (one), aaab22222222 (two)") == ErrorKind::invalid);
}

TEST_CASE_FIXTURE(Fixture, "listings are per namespace, newest first") {
    const auto one = create("one");
    (void)create("foreign", "other");
    const auto two = create("two");
    const auto list = containers.list("default");
    REQUIRE(list.size() == 2);
    CHECK(list[0].id == two);
    CHECK(list[1].id == one);
    CHECK(containers.latest("default") == two);
    CHECK_FALSE(containers.latest("nowhere"));
    CHECK(containers.list_live().empty());
    Transaction tx(store.db());
    CHECK(containers.set_state(tx, one, {.status = ContainerStatus::running}));
    REQUIRE(containers.list_live().size() == 1);
    CHECK(containers.list_live().front().id == one);
}

TEST_CASE_FIXTURE(Fixture, "removing takes what belongs to it") {
    const auto id = create("one");
    auto& records = store.records();
    Transaction tx(store.db());
    records.exec_sessions.create(tx, {.id = ContainerId::generate(), .container_id = id});
    records.volumes.create(tx, {.name_space = "default", .name = "data"});
    records.volumes.attach(tx, "default", "data", id);
    CHECK(kind_of([&] { records.volumes.remove(tx, "default", "data"); }, id.short_id()) ==
          ErrorKind::in_use);
    CHECK(containers.remove(tx, id));
    CHECK_FALSE(containers.remove(tx, id));
    CHECK(records.exec_sessions.list(id).empty());
    CHECK(records.volumes.users("default", "data").empty());
    CHECK(records.volumes.remove(tx, "default", "data"));
    tx.commit(Durability::relaxed);
    CHECK(store.db().check_integrity().empty());
}

TEST_CASE_FIXTURE(Fixture, "ended exec sessions do not pile up") {
    const auto id = create("one");
    auto& sessions = store.records().exec_sessions;
    const auto running = ContainerId::generate();
    Transaction tx(store.db());
    sessions.create(tx, {.id = running, .container_id = id, .is_running = true});
    for (int i = 0; i < 3 * ExecSessions::kKeptEnded; ++i) {
        const auto exec_id = ContainerId::generate();
        ExecSession session{.id = exec_id, .container_id = id, .created = clock.now()};
        session.is_running = true;
        sessions.create(tx, session);
        session.is_running = false;
        session.exit_code = i;
        session.process = {.pid = i, .start_time = 1};
        CHECK(sessions.update(tx, session));
        CHECK(sessions.find(exec_id)->exit_code == i);
    }
    const auto left = sessions.list(id);
    CHECK(left.size() <= ExecSessions::kKeptEnded + 2);
    CHECK(left.front().id == running);
    CHECK(sessions.remove(tx, running));
    CHECK_FALSE(sessions.find(running));
    CHECK(
        kind_of(
            [&] { sessions.create(tx, {.id = running, .container_id = ContainerId::generate()}); },
            "no container") == ErrorKind::not_found);
}

TEST_CASE("status words") {
    for (const auto status : {ContainerStatus::created,
                              ContainerStatus::running,
                              ContainerStatus::paused,
                              ContainerStatus::stopping,
                              ContainerStatus::exited,
                              ContainerStatus::dead}) {
        CHECK(parse_container_status(to_string(status)) == status);
    }
    CHECK(parse_container_status("zombie") == ContainerStatus::dead);
}

}  // namespace
}  // namespace nau::storage
