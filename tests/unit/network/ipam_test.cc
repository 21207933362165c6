#include "network/ipam.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace std::string_literals;
using nau::Error;
using nau::network::IpAddress;
using nau::network::IpPrefix;
using nau::network::Subnet;

namespace {

Subnet make_subnet(const char* prefix) {
    const auto parsed = IpPrefix::parse(prefix);
    return {.prefix = parsed, .gateway = nau::network::default_gateway(parsed)};
}

std::string choose(const Subnet& subnet,
                   const std::set<IpAddress>& taken,
                   std::optional<std::string> after = {}) {
    const auto chosen = nau::network::choose_address(
        subnet, taken, after ? std::optional(IpAddress::parse(*after)) : std::nullopt);
    return chosen ? chosen->to_string() : "none";
}

}  // namespace

TEST_CASE("addresses go round, past the gateway and those in use") {
    const auto subnet = make_subnet("10.1.0.0/29");  // .1 gateway, .2 to .6
    CHECK(choose(subnet, {}) == "10.1.0.2");
    CHECK(choose(subnet, {}, "10.1.0.2") == "10.1.0.3");
    CHECK(choose(subnet, {}, "10.1.0.6") == "10.1.0.2");
    CHECK(choose(subnet, {IpAddress::parse("10.1.0.3")}, "10.1.0.2") == "10.1.0.4");
    std::set<IpAddress> all;
    for (int i = 2; i <= 6; ++i) {
        CHECK(choose(subnet, all, "10.1.0.4") != "none");
        all.insert(IpAddress::parse("10.1.0." + std::to_string(i)));
    }
    CHECK(choose(subnet, all) == "none");
}

TEST_CASE("a range is kept, in IPv6 too") {
    auto subnet = make_subnet("fd00:1::/64");
    CHECK(choose(subnet, {}) == "fd00:1::2");
    subnet.first = IpAddress::parse("fd00:1::100");
    subnet.last = IpAddress::parse("fd00:1::101");
    CHECK(choose(subnet, {}) == "fd00:1::100");
    CHECK(choose(subnet, {IpAddress::parse("fd00:1::100")}, "fd00:1::101") == "fd00:1::101");
    CHECK(choose(subnet, {}, "fd00:1::101") == "fd00:1::100");
}

TEST_CASE("subnets are chosen clear of everything that is routed") {
    const auto pools = nau::network::default_subnet_pools();
    CHECK(nau::network::choose_subnet(pools, {}).to_string() == "10.86.0.0/24");
    CHECK(nau::network::choose_subnet(
              pools, {IpPrefix::parse("10.86.0.0/23"), IpPrefix::parse("10.86.2.128/32")})
              .to_string() == "10.86.3.0/24");
    CHECK(nau::network::choose_subnet(pools, {IpPrefix::parse("10.0.0.0/8")}).to_string() ==
          "192.168.128.0/24");
    CHECK_THROWS_AS(nau::network::choose_subnet(pools, {IpPrefix::parse("0.0.0.0/0")}), Error);
}

TEST_CASE("what makes no sense of a subnet is refused") {
    CHECK_NOTHROW(nau::network::check_subnet(make_subnet("10.0.0.0/30")));
    CHECK_THROWS_AS(nau::network::check_subnet(make_subnet("10.0.0.0/31")), Error);
    CHECK_THROWS_AS(nau::network::check_subnet(make_subnet("224.0.0.0/8")), Error);
    auto subnet = make_subnet("10.0.0.0/24");
    subnet.gateway = IpAddress::parse("10.0.1.1");
    CHECK_THROWS_WITH_AS(
        nau::network::check_subnet(subnet), "gateway 10.0.1.1 is not in subnet 10.0.0.0/24", Error);
    subnet = make_subnet("10.0.0.0/24");
    subnet.first = IpAddress::parse("10.0.0.9");
    subnet.last = IpAddress::parse("10.0.0.8");
    CHECK_THROWS_AS(nau::network::check_subnet(subnet), Error);
    for (const char* text : {"10.0.1.2", "10.0.0.1", "10.0.0.0", "10.0.0.255"}) {
        CHECK_THROWS_AS(
            nau::network::check_static_address(make_subnet("10.0.0.0/24"), IpAddress::parse(text)),
            Error);
    }
}
