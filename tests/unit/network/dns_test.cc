#include <doctest/doctest.h>

#include "network/dns_forwarder.h"
#include "network/dns_message.h"
#include "network/dns_zone.h"

using namespace std::string_literals;
using namespace nau::network;

namespace {

const std::string kQuery =
    "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03WeB\x00\x00\x01\x00\x01"s;

Attachment attachment_of(const char* id,
                         const char* name,
                         const char* network,
                         const char* address) {
    Network in{.id = network, .name = network, .interface = "nau1"};
    in.subnets = {
        {.prefix = IpPrefix::parse("10.86.0.0/24"), .gateway = IpAddress::parse("10.86.0.1")}};
    return {.container_id = id,
            .container_name = name,
            .endpoints = {{.network = in,
                           .host_interface = "nv",
                           .container_interface = "eth0",
                           .addresses = {{.address = IpAddress::parse(address), .length = 24}},
                           .aliases = {"Www"}}}};
}

}  // namespace

TEST_CASE("a question is read, answered, and cut when it does not fit") {
    const auto read = dns::read_question(kQuery);
    REQUIRE(read.question);
    CHECK(read.question->name == "web");
    CHECK(read.question->type == dns::kTypeA);
    CHECK(read.question->udp_bytes == dns::kMaxUdpBytes);
    dns::Answer answer{.addresses = {IpAddress::parse("10.86.0.2")}};
    const auto reply = dns::write_answer(*read.question, answer, dns::kMaxUdpBytes);
    CHECK(reply ==
          "\x12\x34\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03WeB\x00\x00\x01\x00\x01"
          "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x0a\x56\x00\x02"s);
    CHECK(dns::answers(reply, kQuery));
    answer.addresses.assign(100, IpAddress::parse("10.86.0.2"));
    const auto cut = dns::write_answer(*read.question, answer, dns::kMaxUdpBytes);
    CHECK(cut.size() <= dns::kMaxUdpBytes);
    CHECK((cut[2] & 0x02) != 0);
}

TEST_CASE("what is no question gets an error or nothing") {
    CHECK(!dns::read_question("short").refusal);
    CHECK(!dns::read_question("\x12\x34\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00"s).refusal);
    for (const auto& message :
         {kQuery.substr(0, 15),
          "\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00"s,
          "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"s,
          "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03"s + "a.b\x00\x00\x01\x00\x01"s}) {
        CHECK(dns::read_question(message).refusal == dns::Code::format_error);
    }
    CHECK(dns::read_question("\x12\x34\x28\x00\x00\x01\x00\x00\x00\x00\x00\x00"s).refusal ==
          dns::Code::not_implemented);
}

TEST_CASE("reverse names and servers are read") {
    CHECK(dns::parse_reverse_name("2.0.86.10.in-addr.arpa") == IpAddress::parse("10.86.0.2"));
    CHECK(dns::parse_reverse_name(
              "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa") ==
          IpAddress::parse("fd00::2"));
    CHECK(!dns::parse_reverse_name("x.0.86.10.in-addr.arpa"));
    CHECK(dns::parse_name_servers("# x\nnameserver 9.9.9.9\nnameserver\tfd00::1\nsearch a\n")
              .size() == 2);
}

TEST_CASE("names are seen by those who share a network, until their container goes") {
    dns::Zone zone;
    zone.set(attachment_of("0123456789abcdef", "Web", "blue", "10.86.0.2"));
    zone.set(attachment_of("fedcba9876543210", "db", "blue", "10.86.0.3"));
    zone.set(attachment_of("aaaaaaaaaaaaaaaa", "other", "red", "10.86.0.9"));
    const auto client = zone.find_client("blue", IpAddress::parse("10.86.0.3"));
    REQUIRE(client);
    for (const char* name : {"web", "www", "0123456789ab", "web.blue"}) {
        CHECK_MESSAGE(zone.find_addresses(*client, name, dns::kTypeA).exists, name);
    }
    CHECK(zone.find_addresses(*client, "www", dns::kTypeA).addresses.size() == 2);
    CHECK(zone.find_addresses(*client, "web", dns::kTypeAaaa).exists);
    CHECK(zone.find_addresses(*client, "web", dns::kTypeAaaa).addresses.empty());
    CHECK(!zone.find_addresses(*client, "other", dns::kTypeA).exists);
    CHECK(zone.find_names(*client, IpAddress::parse("10.86.0.2")) ==
          std::vector<std::string>{"Web"});
    CHECK(!zone.find_client("blue", IpAddress::parse("192.0.2.1")));
    zone.remove("0123456789abcdef");
    CHECK(!zone.find_addresses(*client, "web", dns::kTypeA).exists);
    CHECK(zone.find_addresses(*client, "www", dns::kTypeA).addresses.size() == 1);
}
