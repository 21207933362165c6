#include "network/network.h"

#include <algorithm>
#include <netinet/in.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace nau::network {

namespace {

using json::Field;
using json::Value;

IpAddress read_address(const Field& field) {
    const auto address = IpAddress::try_parse(field.as_string());
    if (!address) {
        field.fail("is not an address");
    }
    return *address;
}

IpPrefix read_prefix(const Field& field) {
    const auto prefix = IpPrefix::try_parse(field.as_string());
    if (!prefix) {
        field.fail("is not of the form ADDRESS/LENGTH");
    }
    return *prefix;
}

std::optional<IpAddress> read_optional_address(const Field& field, const char* name) {
    const auto member = field.find(name);
    return member ? std::optional(read_address(*member)) : std::nullopt;
}

Value address_list(const std::vector<IpAddress>& addresses) {
    Value list = Value::array();
    for (const auto& address : addresses) {
        list.push_back(address.to_string());
    }
    return list;
}

std::vector<IpAddress> read_address_list(const Field& field, const char* name) {
    std::vector<IpAddress> addresses;
    if (const auto list = field.find(name)) {
        for (const auto& element : list->elements()) {
            addresses.push_back(read_address(element));
        }
    }
    return addresses;
}

uint16_t read_port(const Field& field) {
    const uint64_t number = field.as_uint64();
    if (number > UINT16_MAX) {
        field.fail("is no port number");
    }
    return static_cast<uint16_t>(number);
}

Value to_json(const Endpoint& endpoint) {
    Value addresses = Value::array();
    for (const auto& address : endpoint.addresses) {
        addresses.push_back(address.to_string());
    }
    return {{"network", to_json(endpoint.network)},
            {"hostInterface", endpoint.host_interface},
            {"containerInterface", endpoint.container_interface},
            {"mac", endpoint.mac},
            {"addresses", std::move(addresses)},
            {"aliases", endpoint.aliases},
            {"isDefaultRoute", endpoint.is_default_route},
            {"isDefaultRoute6", endpoint.is_default_route6}};
}

Endpoint read_endpoint(const Field& field) {
    Endpoint endpoint{.network = parse_network(field.at("network").value(), field.path()),
                      .host_interface = field.string_or("hostInterface", ""),
                      .container_interface = field.at("containerInterface").as_string(),
                      .mac = field.string_or("mac", ""),
                      .addresses = {},
                      .aliases = field.string_list_or_empty("aliases"),
                      .is_default_route = field.bool_or("isDefaultRoute", false),
                      .is_default_route6 = field.bool_or("isDefaultRoute6", false)};
    for (const auto& address : field.at("addresses").elements()) {
        endpoint.addresses.push_back(read_prefix(address));
    }
    return endpoint;
}

}  // namespace

std::string_view to_string(Driver driver) noexcept {
    switch (driver) {
        case Driver::bridge:
            return "bridge";
        case Driver::macvlan:
            return "macvlan";
        case Driver::ipvlan:
            return "ipvlan";
    }
    return "bridge";
}

Driver parse_driver(std::string_view word) {
    for (const Driver driver : {Driver::bridge, Driver::macvlan, Driver::ipvlan}) {
        if (word == to_string(driver)) {
            return driver;
        }
    }
    throw Error(ErrorKind::unsupported, "there is no network driver '{}'", word)
        .with_hint("drivers are bridge, macvlan and ipvlan");
}

bool Network::has_ipv6() const noexcept {
    return std::ranges::any_of(subnets,
                               [](const Subnet& subnet) { return subnet.prefix.address.is_v6(); });
}

Value to_json(const Network& network) {
    Value subnets = Value::array();
    for (const auto& subnet : network.subnets) {
        Value entry = {{"subnet", subnet.prefix.to_string()},
                       {"gateway", subnet.gateway.to_string()}};
        if (subnet.first) {
            entry["first"] = subnet.first->to_string();
        }
        if (subnet.last) {
            entry["last"] = subnet.last->to_string();
        }
        subnets.push_back(std::move(entry));
    }
    Value routes = Value::array();
    for (const auto& route : network.routes) {
        routes.push_back({{"destination", route.destination.to_string()},
                          {"gateway", route.gateway.to_string()},
                          {"metric", route.metric}});
    }
    Value value = {{"id", network.id},
                   {"name", network.name},
                   {"driver", to_string(network.driver)},
                   {"interface", network.interface},
                   {"subnets", std::move(subnets)},
                   {"routes", std::move(routes)},
                   {"isInternal", network.is_internal},
                   {"isIsolated", network.is_isolated},
                   {"hasDns", network.has_dns},
                   {"hasGateway", network.has_gateway},
                   {"mtu", network.mtu},
                   {"mode", network.mode},
                   {"dnsServers", address_list(network.dns_servers)},
                   {"options", network.options}};
    // What few networks have is written for those only: the file about a container holds them all.
    const Network usual{.id = "", .name = ""};
    const auto write = [&](const char* name, const auto& own, const auto& other) {
        if (own != other) {
            value[name] = own;
        }
    };
    write("hasMasquerade", network.has_masquerade, usual.has_masquerade);
    write("hasNeighbours", network.has_neighbours, usual.has_neighbours);
    write("metric", network.metric, usual.metric);
    write("vlan", network.vlan, usual.vlan);
    write("interfacePrefix", network.interface_prefix, usual.interface_prefix);
    if (network.publish_address) {
        value["publishAddress"] = network.publish_address->to_string();
    }
    return value;
}

Network parse_network(const Value& value, std::string_view what) {
    const Field root(value, what);
    Network network{.id = root.at("id").as_string(),
                    .name = root.at("name").as_string(),
                    .driver = parse_driver(root.string_or("driver", "bridge")),
                    .interface = root.string_or("interface", ""),
                    .subnets = {},
                    .routes = {},
                    .is_internal = root.bool_or("isInternal", false),
                    .is_isolated = root.bool_or("isIsolated", true),
                    .has_dns = root.bool_or("hasDns", true),
                    .has_gateway = root.bool_or("hasGateway", true),
                    .has_masquerade = root.bool_or("hasMasquerade", true),
                    .has_neighbours = root.bool_or("hasNeighbours", true),
                    .mtu = static_cast<unsigned>(root.uint64_or("mtu", 0)),
                    .metric = static_cast<uint32_t>(root.uint64_or("metric", 0)),
                    .vlan = static_cast<uint16_t>(root.uint64_or("vlan", 0)),
                    .mode = root.string_or("mode", ""),
                    .interface_prefix = root.string_or("interfacePrefix", "eth"),
                    .publish_address = read_optional_address(root, "publishAddress"),
                    .dns_servers = read_address_list(root, "dnsServers"),
                    .options = root.string_map_or_empty("options")};
    for (const auto& subnet : root.at("subnets").elements()) {
        network.subnets.push_back({.prefix = read_prefix(subnet.at("subnet")),
                                   .gateway = read_address(subnet.at("gateway")),
                                   .first = read_optional_address(subnet, "first"),
                                   .last = read_optional_address(subnet, "last")});
    }
    if (const auto routes = root.find("routes")) {
        for (const auto& route : routes->elements()) {
            network.routes.push_back(
                {.destination = read_prefix(route.at("destination")),
                 .gateway = read_address(route.at("gateway")),
                 .metric = static_cast<uint32_t>(route.uint64_or("metric", 0))});
        }
    }
    return network;
}

void choose_default_routes(std::vector<Endpoint>& endpoints) {
    bool has_v4 = false;
    bool has_v6 = false;
    for (Endpoint& endpoint : endpoints) {
        const bool leads_out = !endpoint.network.is_internal && endpoint.network.has_gateway;
        const auto is_of = [&](bool is_v6) {
            return leads_out &&
                   std::ranges::any_of(endpoint.addresses, [&](const IpPrefix& address) {
                       return address.address.is_v6() == is_v6;
                   });
        };
        endpoint.is_default_route = !has_v4 && is_of(false);
        endpoint.is_default_route6 = !has_v6 && is_of(true);
        has_v4 = has_v4 || endpoint.is_default_route;
        has_v6 = has_v6 || endpoint.is_default_route6;
    }
}

uint8_t protocol_number(std::string_view protocol) {
    if (protocol == "tcp") {
        return IPPROTO_TCP;
    }
    if (protocol == "udp") {
        return IPPROTO_UDP;
    }
    if (protocol == "sctp") {
        return IPPROTO_SCTP;
    }
    throw Error(ErrorKind::invalid, "'{}' is not a protocol that has ports", protocol)
        .with_hint("protocols are tcp, udp and sctp");
}

std::string host_side(const PublishedPort& port) {
    if (!port.host_address) {
        return fmt::format("0.0.0.0:{}", port.host_port);
    }
    return port.host_address->is_v6()
               ? fmt::format("[{}]:{}", port.host_address->to_string(), port.host_port)
               : fmt::format("{}:{}", port.host_address->to_string(), port.host_port);
}

std::optional<IpAddress> Attachment::address(bool is_v6) const noexcept {
    for (const auto& endpoint : endpoints) {
        if (endpoint.network.driver != Driver::bridge || endpoint.network.is_internal) {
            continue;
        }
        for (const auto& prefix : endpoint.addresses) {
            if (prefix.address.is_v6() == is_v6) {
                return prefix.address;
            }
        }
    }
    return std::nullopt;
}

std::string to_json_text(const Attachment& attachment) {
    Value endpoints = Value::array();
    for (const auto& endpoint : attachment.endpoints) {
        endpoints.push_back(to_json(endpoint));
    }
    Value ports = Value::array();
    for (const auto& port : attachment.ports) {
        Value entry = {{"hostPort", port.host_port},
                       {"containerPort", port.container_port},
                       {"protocol", port.protocol}};
        if (port.host_address) {
            entry["hostAddress"] = port.host_address->to_string();
        }
        ports.push_back(std::move(entry));
    }
    return json::to_text({{"containerId", attachment.container_id},
                          {"containerName", attachment.container_name},
                          {"hostName", attachment.host_name},
                          {"endpoints", std::move(endpoints)},
                          {"ports", std::move(ports)},
                          {"dnsServers", address_list(attachment.dns_servers)}});
}

Attachment parse_attachment(std::string_view text, std::string_view what) {
    const Value document = json::parse(text, what);
    const Field root(document, what);
    Attachment attachment{.container_id = root.at("containerId").as_string(),
                          .container_name = root.at("containerName").as_string(),
                          .host_name = root.string_or("hostName", ""),
                          .endpoints = {},
                          .ports = {},
                          .dns_servers = read_address_list(root, "dnsServers")};
    for (const auto& endpoint : root.at("endpoints").elements()) {
        attachment.endpoints.push_back(read_endpoint(endpoint));
    }
    for (const auto& port : root.at("ports").elements()) {
        attachment.ports.push_back({.host_address = read_optional_address(port, "hostAddress"),
                                    .host_port = read_port(port.at("hostPort")),
                                    .container_port = read_port(port.at("containerPort")),
                                    .protocol = port.at("protocol").as_string()});
    }
    return attachment;
}

}  // namespace nau::network
