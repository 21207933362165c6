#include "engine/spec/user_namespace.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace nau;
using engine::IdMappings;
using engine::UserNamespaceOptions;

namespace {

std::string mode_of(std::string_view text) {
    UserNamespaceOptions options;
    engine::apply_userns_flag(text, options);
    return options.mode;
}

ErrorKind failure_of(const auto& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.kind();
    }
    FAIL("nothing was thrown");
    return ErrorKind::internal;
}

}  // namespace

TEST_CASE("--userns takes podman's words") {
    CHECK(mode_of("host").empty());
    CHECK(mode_of("") == "");
    CHECK(mode_of("auto") == "auto");
    CHECK(mode_of("private") == "private");
    CHECK(mode_of("keep-id") == "keep-id");
    CHECK(mode_of("container:web") == "container:web");
    CHECK(mode_of("ns:/run/ns") == "ns:/run/ns");
    UserNamespaceOptions options;
    engine::apply_userns_flag("auto:size=1000", options);
    CHECK(options.size == 1000);
    for (const char* wrong : {"nomap",
                              "other",
                              "auto:size=0",
                              "auto:size=65537",
                              "auto:colour=1",
                              "keep-id:uid=1",
                              "container:",
                              "ns:relative",
                              "host:1"}) {
        CAPTURE(wrong);
        CHECK(failure_of([&] { (void)mode_of(wrong); }) == ErrorKind::invalid);
    }
    CHECK(failure_of([&] { (void)mode_of("auto:uidmapping=0:1:1"); }) == ErrorKind::unsupported);
}

TEST_CASE("an id map is INSIDE:OUTSIDE[:COUNT]") {
    const auto mapping = engine::parse_id_map_flag("0:100000:65536");
    CHECK(mapping.container_id == 0);
    CHECK(mapping.host_id == 100000);
    CHECK(mapping.size == 65536);
    CHECK(engine::parse_id_map_flag("5:6").size == 1);
    for (const char* wrong :
         {"", "1", "a:b:c", "0:0:0", "0:4294967290:10", "1:2:3:4", "-1:0:1", "4294967295:0:1"}) {
        CAPTURE(wrong);
        CHECK(failure_of([&] { (void)engine::parse_id_map_flag(wrong); }) == ErrorKind::invalid);
    }
    for (const char* later : {"+0:1:1", "@0:1:1", "u0:1:1", "g0:1:1"}) {
        CAPTURE(later);
        CHECK(failure_of([&] { (void)engine::parse_id_map_flag(later); }) ==
              ErrorKind::unsupported);
    }
}

TEST_CASE("ranges that overlap and flags that contradict each other are refused") {
    UserNamespaceOptions options;
    options.uids = {{.container_id = 0, .host_id = 1000, .size = 10},
                    {.container_id = 10, .host_id = 2000, .size = 10}};
    CHECK_NOTHROW(engine::check_user_namespace(options));
    options.mode = "auto";
    CHECK(failure_of([&] { engine::check_user_namespace(options); }) == ErrorKind::invalid);
    options.mode = "private";
    CHECK_NOTHROW(engine::check_user_namespace(options));
    options.uids[1].container_id = 9;
    CHECK(failure_of([&] { engine::check_user_namespace(options); }) == ErrorKind::invalid);
    options.uids[1] = {.container_id = 10, .host_id = 1009, .size = 10};
    CHECK(failure_of([&] { engine::check_user_namespace(options); }) == ErrorKind::invalid);
    options.uids.clear();
    options.gids = {{.container_id = 0, .host_id = 0, .size = 1}};
    options.subuid_name = "somebody";
    CHECK(failure_of([&] { engine::check_user_namespace(options); }) == ErrorKind::invalid);
}

TEST_CASE("subordinate ids are put one behind the other from 0 on") {
    constexpr std::string_view kText =
        "# comment\nother:1:2\ncontainers:100000:1000\nbroken\ncontainers:5000:x\n"
        "containers:500000:24\n";
    const IdMappings found = engine::subordinate_ids(kText, "containers");
    REQUIRE(found.size() == 2);
    CHECK(found[0].container_id == 0);
    CHECK(found[0].host_id == 100000);
    CHECK(found[0].size == 1000);
    CHECK(found[1].container_id == 1000);
    CHECK(found[1].host_id == 500000);
    CHECK(found[1].size == 24);
    CHECK(engine::subordinate_ids(kText, "nobody").empty());
    CHECK(engine::map_id(found, 999) == 100999U);
    CHECK(engine::map_id(found, 1023) == 500023U);
    CHECK_FALSE(engine::map_id(found, 1024));
}
