#include <csignal>

#include <doctest/doctest.h>

#include "base/error.h"
#include "engine/container/container_config.h"
#include "engine/container/container_name.h"
#include "engine/container/signals.h"
#include "engine/spec/etc_files.h"

TEST_CASE("container names follow docker's rule") {
    for (const char* good : {"a", "web-1", "A.b_c", "0"}) {
        CHECK_NOTHROW(nau::engine::check_container_name(good));
    }
    for (const char* bad : {"", "-a", ".a", "a b", "a/b", "ä", "a\n"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(nau::engine::check_container_name(bad), nau::Error);
    }
    CHECK_NOTHROW(nau::engine::check_container_name(nau::engine::make_container_name(123456789)));
    CHECK(nau::engine::make_container_name(0) != nau::engine::make_container_name(1));
}

TEST_CASE("signals by name and number") {
    CHECK(nau::engine::parse_signal("TERM") == SIGTERM);
    CHECK(nau::engine::parse_signal("sigterm") == SIGTERM);
    CHECK(nau::engine::parse_signal("9") == SIGKILL);
    CHECK(nau::engine::parse_signal("SIGRTMIN+3") == SIGRTMIN + 3);
    CHECK(nau::engine::parse_signal("RTMAX-1") == SIGRTMAX - 1);
    for (const char* bad : {"", "0", "65", "NOPE", "SIGRTMIN+99", "RTMAX+1", "-9"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(nau::engine::parse_signal(bad), nau::Error);
    }
    CHECK(nau::engine::signal_name(SIGTERM) == "SIGTERM");
    CHECK(nau::engine::signal_name(SIGRTMIN + 3) == "SIGRTMIN+3");
}

TEST_CASE("hosts: the user's entries, localhost, the container itself") {
    CHECK(nau::engine::make_hosts_file({.network_mode = "none",
                                        .host_name = "box",
                                        .container_name = "web",
                                        .add_hosts = {{"db", "10.0.0.2"}}}) ==
          "10.0.0.2\tdb\n"
          "127.0.0.1\tlocalhost localhost.localdomain localhost4\n"
          "::1\tlocalhost localhost.localdomain localhost6\n"
          "127.0.1.1\tbox web\n");
    CHECK(nau::engine::make_hosts_file({.network_mode = "host", .host_hosts = "1.2.3.4 x\n"}) ==
          "1.2.3.4 x\n");
}

TEST_CASE("resolv.conf: the host's, what the user sets in its place, no loopback servers inside") {
    const std::string host =
        "# c\nnameserver 127.0.0.53\nnameserver 9.9.9.9\nsearch a b\noptions edns0\n";
    CHECK(nau::engine::make_resolv_conf({.network_mode = "bridge", .host_resolv_conf = host}) ==
          "search a b\nnameserver 9.9.9.9\noptions edns0\n");
    CHECK(nau::engine::make_resolv_conf({.network_mode = "host", .host_resolv_conf = host}) ==
          "search a b\nnameserver 127.0.0.53\nnameserver 9.9.9.9\noptions edns0\n");
    CHECK(nau::engine::make_resolv_conf({.network_mode = "bridge",
                                         .dns_servers = {"1.1.1.1"},
                                         .dns_search = {"."},
                                         .dns_options = {"ndots:2"},
                                         .host_resolv_conf = host}) ==
          "nameserver 1.1.1.1\noptions ndots:2\n");
}

TEST_CASE("a container's config comes back as it was written") {
    nau::engine::ContainerConfig config;
    config.command = {"sh", "-c", "echo \"x\""};
    config.add_hosts = {{"db", "10.0.0.2"}};
    config.log_max_files = 7;
    config.mounts = {{.type = "volume",
                      .volume = "v",
                      .source = "/s",
                      .destination = "/d",
                      .options = {"nosuid"},
                      .is_read_only = true,
                      .is_anonymous = true}};
    const auto text = nau::engine::to_json_text(config);
    const auto back = nau::engine::parse_container_config(text);
    CHECK(back.command == config.command);
    CHECK(back.mounts.at(0).volume == "v");
    CHECK(back.mounts.at(0).is_anonymous);
    CHECK(nau::engine::to_json_text(back) == text);
}
