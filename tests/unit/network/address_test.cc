#include "network/address.h"

#include <doctest/doctest.h>

#include "base/error.h"

using nau::Error;
using nau::network::IpAddress;
using nau::network::IpPrefix;
using nau::network::MacAddress;

TEST_CASE("addresses are read strictly and written in their shortest form") {
    CHECK(IpAddress::parse("10.87.0.1").to_string() == "10.87.0.1");
    CHECK(IpAddress::parse("FD00:0:0:0::1").to_string() == "fd00::1");
    for (const char* text :
         {"", "10.87.0", "10.87.0.256", "010.0.0.1", "fe80::1%eth0", "::g", "1.2.3.4 "}) {
        CHECK_MESSAGE(!IpAddress::try_parse(text), text);
    }
    CHECK_THROWS_WITH_AS(IpAddress::parse("x"), "'x' is not an IP address", Error);
}

TEST_CASE("addresses count across bytes and know how far they are apart") {
    CHECK(IpAddress::parse("10.0.0.255").plus(2).to_string() == "10.0.1.1");
    CHECK(IpAddress::parse("fd00::ffff:ffff").plus(1).to_string() == "fd00::1:0:0");
    CHECK(IpAddress::parse("10.0.0.1").distance_to(IpAddress::parse("10.0.1.1")) == 256);
    CHECK(!IpAddress::parse("10.0.1.1").distance_to(IpAddress::parse("10.0.0.1")));
    CHECK(!IpAddress::parse("10.0.1.1").distance_to(IpAddress::parse("::1")));
    CHECK(!IpAddress::parse("::1").distance_to(IpAddress::parse("fd00::1")));
}

TEST_CASE("a prefix knows what lies in it") {
    const auto prefix = IpPrefix::parse("10.86.3.7/22");
    CHECK(prefix.network().to_string() == "10.86.0.0/22");
    CHECK(prefix.last().to_string() == "10.86.3.255");
    CHECK(prefix.contains(IpAddress::parse("10.86.1.1")));
    CHECK(!prefix.contains(IpAddress::parse("10.86.4.1")));
    CHECK(!prefix.contains(IpAddress::parse("::1")));
    CHECK(prefix.overlaps(IpPrefix::parse("10.0.0.0/8")));
    CHECK(IpPrefix::parse("0.0.0.0/0").overlaps(prefix));
    CHECK(!prefix.overlaps(IpPrefix::parse("10.86.4.0/24")));
    for (const char* text : {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/129", "/24"}) {
        CHECK_MESSAGE(!IpPrefix::try_parse(text), text);
    }
}

TEST_CASE("hardware addresses follow the address, and group addresses are refused") {
    CHECK(MacAddress::parse("92:D0:c6:0a:29:33").to_string() == "92:d0:c6:0a:29:33");
    CHECK(MacAddress::of_address(IpAddress::parse("10.87.0.2")).to_string() == "0a:6e:0a:57:00:02");
    CHECK_THROWS_AS(MacAddress::parse("93:d0:c6:0a:29:33"), Error);
    CHECK_THROWS_AS(MacAddress::parse("92:d0:c6:0a:29"), Error);
    CHECK_THROWS_AS(MacAddress::parse("92.d0.c6.0a.29.33"), Error);
}
