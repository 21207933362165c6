#include "network/network.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

using namespace nau::network;

TEST_CASE("an attachment is read back as it was written") {
    Network network{.id = "abc", .name = "blue", .interface = "nau3"};
    network.subnets = {
        {.prefix = IpPrefix::parse("10.86.0.0/24"),
         .gateway = IpAddress::parse("10.86.0.1"),
         .first = IpAddress::parse("10.86.0.10")},
        {.prefix = IpPrefix::parse("fd00::/64"), .gateway = IpAddress::parse("fd00::1")}};
    network.routes = {{.destination = IpPrefix::parse("10.5.0.0/16"),
                       .gateway = IpAddress::parse("10.86.0.9"),
                       .metric = 7}};
    network.is_internal = true;
    network.options = {{"mtu", "1400"}};
    const Attachment attachment{.container_id = "0123",
                                .container_name = "web",
                                .host_name = "h",
                                .endpoints = {{.network = network,
                                               .host_interface = "nv1",
                                               .container_interface = "eth0",
                                               .mac = "0a:6e:0a:56:00:02",
                                               .addresses = {IpPrefix::parse("10.86.0.2/24")},
                                               .aliases = {"w"},
                                               .is_default_route = true}},
                                .ports = {{.host_address = IpAddress::parse("::1"),
                                           .host_port = 8080,
                                           .container_port = 80,
                                           .protocol = "udp"},
                                          {.host_port = 1, .container_port = 2}},
                                .dns_servers = {IpAddress::parse("9.9.9.9")}};
    CHECK(parse_attachment(to_json_text(attachment), "x") == attachment);
    CHECK(host_side(attachment.ports[0]) == "[::1]:8080");
    CHECK(host_side(attachment.ports[1]) == "0.0.0.0:1");
    CHECK_THROWS_AS(parse_attachment("{}", "x"), nau::Error);
}

TEST_CASE("drivers and protocols that do not exist are named") {
    CHECK_THROWS_WITH_AS(
        parse_driver("overlay"), "there is no network driver 'overlay'", nau::Error);
    CHECK_THROWS_WITH_AS(
        protocol_number("icmp"), "'icmp' is not a protocol that has ports", nau::Error);
}

TEST_CASE("what few networks have is read back too") {
    Network network{.id = "x", .name = "n"};
    CHECK_FALSE(to_json(network).contains("metric"));
    network.has_masquerade = false;
    network.has_neighbours = false;
    network.metric = 7;
    network.vlan = 12;
    network.interface_prefix = "lan";
    network.publish_address = IpAddress::parse("127.0.0.1");
    CHECK(parse_network(to_json(network), "x") == network);
}

TEST_CASE("each address family has its way out by the first network that leads there") {
    const auto endpoint =
        [](std::vector<const char*> addresses, bool is_internal, bool has_gateway) {
            Endpoint made{.network = {.id = "x", .name = "n"}, .container_interface = "eth0"};
            made.network.is_internal = is_internal;
            made.network.has_gateway = has_gateway;
            for (const char* address : addresses) {
                made.addresses.push_back(IpPrefix::parse(address));
            }
            return made;
        };
    std::vector<Endpoint> endpoints = {endpoint({"10.1.0.2/24", "fd00:1::2/64"}, true, true),
                                       endpoint({"10.2.0.2/24"}, false, false),
                                       endpoint({"10.3.0.2/24"}, false, true),
                                       endpoint({"10.4.0.2/24", "fd00:4::2/64"}, false, true)};
    choose_default_routes(endpoints);
    const auto has_way_out = [&](size_t i) {
        return std::pair(endpoints[i].is_default_route, endpoints[i].is_default_route6);
    };
    CHECK(has_way_out(0) == std::pair(false, false));
    CHECK(has_way_out(1) == std::pair(false, false));
    CHECK(has_way_out(2) == std::pair(true, false));
    CHECK(has_way_out(3) == std::pair(false, true));
}
