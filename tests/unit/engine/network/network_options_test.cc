#include "engine/network/network_options.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace nau::engine;
using nau::Error;

namespace {

NetworkOptions options_of(std::initializer_list<const char*> flags) {
    NetworkOptions options;
    for (const char* flag : flags) {
        apply_network_flag(flag, options);
    }
    check_network_options(options);
    return options;
}

std::string publish(const char* text) {
    const auto port = parse_publish_flag(text);
    return (port.host_address ? port.host_address->to_string() : "*") + " " +
           std::to_string(port.host_port) + " " + std::to_string(port.container_port) + " " +
           std::to_string(port.count) + " " + port.protocol;
}

}  // namespace

TEST_CASE("a network is a mode or a list of names with options") {
    CHECK(options_of({"none"}).mode == "none");
    CHECK(options_of({"container:web"}).mode == "container:web");
    CHECK(options_of({"ns:/run/netns/x"}).mode == "ns:/run/netns/x");
    CHECK(options_of({"bridge"}).networks == std::vector<NetworkRequest>{{.name = "nau"}});
    const auto both = options_of({"blue:ip=10.0.0.5,mac=92:D0:c6:0a:29:33,alias=w,alias=x", "red"});
    CHECK(both.mode == "bridge");
    REQUIRE(both.networks.size() == 2);
    CHECK(both.networks[0] == NetworkRequest{.name = "blue",
                                             .addresses = {"10.0.0.5"},
                                             .mac = "92:d0:c6:0a:29:33",
                                             .aliases = {"w", "x"}});
    CHECK(options_of({"a,b:interface_name=net7"}).networks[1].interface_name == "net7");
    for (const auto& flags : std::vector<std::vector<const char*>>{{"host", "blue"},
                                                                   {"blue", "none"},
                                                                   {"none", "host"},
                                                                   {"blue", "blue"},
                                                                   {"blue:ip=x"},
                                                                   {"blue:ip"},
                                                                   {"blue:colour=red"},
                                                                   {"blue:alias=a b"},
                                                                   {"container:"},
                                                                   {""},
                                                                   {"pasta"}}) {
        NetworkOptions options;
        CHECK_THROWS_AS(
            {
                for (const char* flag : flags) {
                    apply_network_flag(flag, options);
                }
                check_network_options(options);
            },
            Error);
    }
}

TEST_CASE("flags that say nothing about the chosen network are refused") {
    auto options = options_of({"host"});
    options.address = "10.0.0.2";
    CHECK_THROWS_WITH_AS(
        check_network_options(options), "--ip has no meaning with --network=host", Error);
    options = options_of({"a", "b"});
    options.mac = "92:d0:c6:0a:29:33";
    CHECK_THROWS_AS(check_network_options(options), Error);
}

TEST_CASE("ports are published in podman's and docker's grammar") {
    CHECK(publish("80") == "* 0 80 1 tcp");
    CHECK(publish("8080:80") == "* 8080 80 1 tcp");
    CHECK(publish("8080:80/UDP") == "* 8080 80 1 udp");
    CHECK(publish("127.0.0.1:8080:80") == "127.0.0.1 8080 80 1 tcp");
    CHECK(publish("127.0.0.1::80") == "127.0.0.1 0 80 1 tcp");
    CHECK(publish("127.0.0.1:0:80") == "127.0.0.1 0 80 1 tcp");
    CHECK(publish("[::1]:8080:80/sctp") == "::1 8080 80 1 sctp");
    CHECK(publish("[fd00::5]::80") == "fd00::5 0 80 1 tcp");
    CHECK(publish("8000-8010:80-90") == "* 8000 80 11 tcp");
    CHECK(publish(":80") == "* 0 80 1 tcp");
    for (const char* text : {"",
                             "0",
                             "80:0",
                             "80:65536",
                             "x:80",
                             "80/icmp",
                             "90-80",
                             "8000-8002:80-81",
                             "1.2.3:80:80",
                             "[::1:80:80",
                             "80:80:80:80"}) {
        CHECK_THROWS_AS(parse_publish_flag(text), Error);
    }
    CHECK(parse_expose_flag("53/udp") == ExposedPort{.first = 53, .count = 1, .protocol = "udp"});
    CHECK(parse_expose_flag("100-102") == ExposedPort{.first = 100, .count = 3, .protocol = "tcp"});
}
