#include "engine/network/network_records.h"

#include <algorithm>
#include <span>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "engine/engine.h"
#include "network/configure.h"
#include "network/ipam.h"
#include "network/link.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

using network::IpAddress;
using network::IpPrefix;
using network::Subnet;

constexpr std::string_view kDefaultSubnet = "10.87.0.0/16";
constexpr unsigned kDefaultLength = 16;
constexpr int kMaxBridgeNumber = 65535;
constexpr size_t kMinIdPrefix = 1;
constexpr uint64_t kMaxVlan = 4094;

/// Names that --network understands in another way, and could never reach.
bool is_reserved(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 7> words = {
        "none", "host", "bridge", "default", "private", "container", "ns"};
    return std::ranges::find(words, name) != words.end();
}

uint64_t random_number() {
    uint64_t number = 0;
    sys::fill_random(std::as_writable_bytes(std::span(&number, 1)));
    return number;
}

/// What is taken on this machine: subnets of all networks of all tenants, and whatever the host has
/// an address in or a route to.
struct Surroundings {
    std::vector<IpPrefix> of_networks;
    std::vector<IpPrefix> of_host;
    std::vector<std::string> interfaces;
    bool has_ipv6_route = false;

    std::vector<IpPrefix> all() const {
        std::vector<IpPrefix> all = of_networks;
        all.insert(all.end(), of_host.begin(), of_host.end());
        return all;
    }
};

Surroundings look_around(Engine& engine) {
    Surroundings found;
    std::vector<std::string> own;
    for (auto& record : engine.store_for_writing().records().networks.list_all()) {
        const auto other = parse_network_record(std::move(record)).network;
        found.interfaces.push_back(other.interface);
        own.push_back(other.interface);
        for (const auto& subnet : other.subnets) {
            found.of_networks.push_back(subnet.prefix);
        }
    }
    network::NetlinkSocket socket(NETLINK_ROUTE);
    std::vector<int> own_links;
    for (const auto& link : network::list_links(socket)) {
        found.interfaces.push_back(link.name);
        if (std::ranges::find(own, link.name) != own.end()) {
            own_links.push_back(link.index);
        }
    }
    const auto is_own = [&](int link) {
        return std::ranges::find(own_links, link) != own_links.end();
    };
    for (const auto& address : network::list_addresses(socket)) {
        if (!is_own(address.link) && !address.prefix.address.is_link_local()) {
            found.of_host.push_back(address.prefix);
        }
    }
    for (const auto& route : network::list_routes(socket)) {
        const bool is_default = route.destination.length == 0;
        found.has_ipv6_route =
            found.has_ipv6_route ||
            (is_default && route.destination.address.is_v6() && route.gateway.has_value());
        if (!is_default && !is_own(route.link) && !route.destination.address.is_link_local() &&
            !route.destination.address.is_multicast()) {
            found.of_host.push_back(route.destination);
        }
    }
    return found;
}

std::vector<network::SubnetPool> pools_of(const Engine& engine) {
    const auto& texts = engine.options().subnet_pools;
    if (texts.empty()) {
        return network::default_subnet_pools();
    }
    std::vector<network::SubnetPool> pools;
    for (const auto& text : texts) {
        pools.push_back(doing("subnet_pools", [&] { return network::parse_subnet_pool(text); }));
    }
    return pools;
}

std::string choose_interface(const Surroundings& around) {
    for (int number = 0; number <= kMaxBridgeNumber; ++number) {
        std::string name = fmt::format("nau{}", number);
        if (std::ranges::find(around.interfaces, name) == around.interfaces.end()) {
            return name;
        }
    }
    throw Error(ErrorKind::unavailable, "no name is left for a bridge");
}

Subnet make_subnet(const IpPrefix& prefix) {
    return {.prefix = prefix.network(), .gateway = network::default_gateway(prefix)};
}

/// "10.1.0.0/28" or "10.1.0.5-10.1.0.9": what of the subnet is given out.
void apply_range(std::string_view text, std::vector<Subnet>& subnets) {
    std::optional<IpAddress> first;
    std::optional<IpAddress> last;
    if (const auto ends = split_once(text, '-')) {
        first = IpAddress::parse(trim(ends->first));
        last = IpAddress::parse(trim(ends->second));
    } else {
        const IpPrefix prefix = IpPrefix::parse(text);
        first = prefix.network().address;
        last = prefix.last();
    }
    for (auto& subnet : subnets) {
        if (subnet.prefix.contains(*first)) {
            subnet.first = first;
            subnet.last = last;
            if (!subnet.prefix.address.is_v6() && *last == subnet.prefix.last()) {
                subnet.last.reset();
            }
            return;
        }
    }
    throw Error(ErrorKind::invalid, "range '{}' is in no subnet of the network", text);
}

std::vector<Subnet> asked_subnets(const CreateNetworkOptions& options) {
    std::vector<Subnet> subnets;
    for (const auto& text : options.subnets) {
        const auto prefix = IpPrefix::parse(text);
        if (prefix.network() != prefix) {
            throw Error(ErrorKind::invalid,
                        "subnet '{}' has bits behind its length; {} would be right",
                        text,
                        prefix.network().to_string());
        }
        subnets.push_back(make_subnet(prefix));
    }
    for (const auto& text : options.gateways) {
        const auto gateway = IpAddress::parse(text);
        const auto place = std::ranges::find_if(
            subnets, [&](const Subnet& subnet) { return subnet.prefix.contains(gateway); });
        if (place == subnets.end()) {
            throw Error(ErrorKind::invalid, "gateway '{}' is in no subnet of the network", text);
        }
        place->gateway = gateway;
    }
    for (const auto& text : options.ranges) {
        apply_range(text, subnets);
    }
    for (size_t i = 0; i < subnets.size(); ++i) {
        network::check_subnet(subnets[i]);
        for (size_t j = 0; j < i; ++j) {
            if (subnets[i].prefix.overlaps(subnets[j].prefix)) {
                throw Error(ErrorKind::invalid,
                            "subnets {} and {} overlap",
                            subnets[j].prefix.to_string(),
                            subnets[i].prefix.to_string());
            }
        }
    }
    return subnets;
}

void check_overlaps(const std::vector<Subnet>& subnets, const Surroundings& around) {
    for (const auto& subnet : subnets) {
        for (const auto& [others, whose] : {std::pair{&around.of_networks, "another network"},
                                            std::pair{&around.of_host, "the host"}}) {
            for (const auto& other : *others) {
                if (other.overlaps(subnet.prefix)) {
                    throw Error(ErrorKind::in_use,
                                "subnet {} overlaps with {} of {}",
                                subnet.prefix.to_string(),
                                other.to_string(),
                                whose)
                        .with_hint("without --subnet a free one is chosen");
                }
            }
        }
    }
}

void choose_subnets(Engine& engine,
                    const CreateNetworkOptions& options,
                    const Surroundings& around,
                    network::Network& made) {
    const bool is_default = options.name == kDefaultNetwork;
    const bool has_v4 = std::ranges::any_of(
        made.subnets, [](const Subnet& subnet) { return !subnet.prefix.address.is_v6(); });
    if (made.subnets.empty() || (!has_v4 && is_default)) {
        auto pools = pools_of(engine);
        if (is_default && engine.options().subnet_pools.empty()) {
            // Big enough for as many containers as a bridge can have ports.
            pools.insert(pools.begin(),
                         {.base = IpPrefix::parse(kDefaultSubnet), .length = kDefaultLength});
        }
        made.subnets.insert(made.subnets.begin(),
                            make_subnet(network::choose_subnet(pools, around.all())));
    }
    const bool wants_v6 = options.has_ipv6 || (is_default && around.has_ipv6_route);
    if (wants_v6 && !made.has_ipv6()) {
        made.subnets.push_back(make_subnet(network::make_local_prefix(random_number())));
    }
}

bool parse_bool(std::string_view key, std::string_view value) {
    if (value == "true" || value == "1") {
        return true;
    }
    if (value == "false" || value == "0") {
        return false;
    }
    throw Error(ErrorKind::invalid, "option {}: '{}' is neither true nor false", key, value);
}

uint64_t parse_limited(std::string_view key,
                       std::string_view value,
                       uint64_t least,
                       uint64_t most) {
    const auto number = parse_uint64(value);
    if (!number || *number < least || *number > most) {
        throw Error(
            ErrorKind::invalid, "option {}: '{}' is not from {} to {}", key, value, least, most);
    }
    return *number;
}

/// docker's names of options, as podman's; others stay as they are.
std::string_view plain_option_name(std::string_view key) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> names = {{
        {"com.docker.network.driver.mtu", "mtu"},
        {"com.docker.network.bridge.enable_icc", "neighbours"},
        {"com.docker.network.bridge.enable_ip_masquerade", "masquerade"},
        {"com.docker.network.bridge.host_binding_ipv4", "publish_address"},
    }};
    const auto* const place = std::ranges::find(names, key, &decltype(names)::value_type::first);
    return place == names.end() ? key : place->second;
}

bool is_interface_prefix(const std::string& text) {
    return network::is_interface_name(text + "0000") && text.find('%') == text.npos;
}

/// false: the driver has no such option.
bool apply_bridge_option(std::string_view key, const std::string& value, network::Network& made) {
    if (key == "isolate") {
        made.is_isolated = value == "strict" || parse_bool(key, value);
    } else if (key == "neighbours") {
        made.has_neighbours = parse_bool(key, value);
    } else if (key == "masquerade") {
        made.has_masquerade = parse_bool(key, value);
    } else if (key == "publish_address") {
        made.publish_address = IpAddress::parse(value);
    } else if (key == "vlan") {
        made.vlan = static_cast<uint16_t>(parse_limited(key, value, 1, kMaxVlan));
    } else if (key == "com.docker.network.bridge.name") {
        made.interface = value;
    } else {
        return false;
    }
    return true;
}

bool apply_slave_option(std::string_view key, const std::string& value, network::Network& made) {
    if (key == "parent") {
        made.interface = value;
    } else if (key == "mode" || key == "macvlan_mode" || key == "ipvlan_mode") {
        network::check_mode(made.driver, value);
        made.mode = value;
    } else {
        return false;
    }
    return true;
}

void apply_option(const std::string& given, const std::string& value, network::Network& made) {
    const bool is_bridge = made.driver == network::Driver::bridge;
    const std::string_view key = plain_option_name(given);
    if (key == "mtu") {
        made.mtu = static_cast<unsigned>(parse_limited(key, value, 68, 65535));
        if (made.mtu < 1280 && made.has_ipv6()) {
            throw Error(ErrorKind::invalid, "option mtu: IPv6 needs at least 1280");
        }
    } else if (key == "metric") {
        made.metric = static_cast<uint32_t>(parse_limited(key, value, 1, UINT32_MAX));
    } else if (key == "no_default_route") {
        made.has_gateway = !parse_bool(key, value);
    } else if (key == "com.docker.network.container_iface_prefix") {
        if (!is_interface_prefix(value)) {
            throw Error(ErrorKind::invalid, "'{}' cannot begin the name of an interface", value);
        }
        made.interface_prefix = value;
    } else if (!(is_bridge ? apply_bridge_option(key, value, made)
                           : apply_slave_option(key, value, made))) {
        throw Error(ErrorKind::unsupported,
                    "network driver {} has no option '{}'",
                    network::to_string(made.driver),
                    given)
            .with_hint(is_bridge ? "options are isolate, metric, mtu, no_default_route, vlan and "
                                   "docker's com.docker.network.*"
                                 : "options are metric, mode, mtu, no_default_route and parent");
    }
    made.options[given] = value;
}

network::StaticRoute parse_route(const std::string& text) {
    const auto parts = split(text, ',');
    if (parts.size() < 2 || parts.size() > 3) {
        throw Error(ErrorKind::invalid, "route '{}' is not DESTINATION,GATEWAY[,METRIC]", text);
    }
    network::StaticRoute route{.destination = IpPrefix::parse(parts[0]).network(),
                               .gateway = IpAddress::parse(parts[1])};
    if (parts.size() == 3) {
        const auto metric = parse_uint64(parts[2]);
        if (!metric || *metric > UINT32_MAX) {
            throw Error(ErrorKind::invalid, "route '{}': its metric is no number", text);
        }
        route.metric = static_cast<uint32_t>(*metric);
    }
    return route;
}

/// By --interface-name, an option, or the next number.
void choose_interface_name(const CreateNetworkOptions& options,
                           const Surroundings& around,
                           network::Network& made) {
    const bool is_bridge = made.driver == network::Driver::bridge;
    if (!options.interface_name.empty()) {
        made.interface = options.interface_name;
    } else if (made.interface.empty()) {
        made.interface = is_bridge ? choose_interface(around) : "";
        return;
    }
    if (!network::is_interface_name(made.interface)) {
        throw Error(ErrorKind::invalid, "'{}' is no name of an interface", made.interface);
    }
    const bool is_taken =
        std::ranges::find(around.interfaces, made.interface) != around.interfaces.end();
    if (is_bridge && is_taken) {
        throw Error(ErrorKind::in_use, "interface {} exists already", made.interface);
    }
}

network::Network plan_network(Engine& engine, const CreateNetworkOptions& options) {
    network::Network made;
    made.id = storage::ContainerId::generate().to_string();
    made.name = options.name;
    made.driver = network::parse_driver(options.driver);
    made.is_internal = options.is_internal;
    const bool is_bridge = made.driver == network::Driver::bridge;
    made.has_dns =
        is_bridge && !options.omits_dns && options.has_addresses && options.name != kDefaultNetwork;
    made.has_gateway = !options.is_internal;
    made.subnets = asked_subnets(options);
    for (const auto& text : options.dns_servers) {
        made.dns_servers.push_back(IpAddress::parse(text));
    }
    const Surroundings around = look_around(engine);
    if (is_bridge) {
        check_overlaps(made.subnets, around);
    } else if (made.subnets.empty() && options.has_addresses) {
        throw Error(ErrorKind::invalid, "a network of driver {} needs --subnet", options.driver)
            .with_hint(
                "the subnet of the host's interface, and with --ip-range what of it is "
                "free for containers; or --ipam-driver none");
    }
    if (options.has_addresses) {
        choose_subnets(engine, options, around, made);
    } else if (!made.subnets.empty()) {
        throw Error(ErrorKind::invalid, "--subnet has no meaning with --ipam-driver none");
    }
    for (const auto& [key, value] : options.options) {
        apply_option(key, value, made);
    }
    for (const auto& text : options.routes) {
        made.routes.push_back(parse_route(text));
    }
    choose_interface_name(options, around, made);
    return made;
}

}  // namespace

NetworkRecord parse_network_record(storage::Network record) {
    const auto document = json::parse(record.config, "network record");
    NetworkRecord parsed{.record = std::move(record),
                         .network = network::parse_network(document, "network record")};
    return parsed;
}

std::optional<NetworkRecord> find_network(Engine& engine, const std::string& name_or_id) {
    auto& networks = engine.store_for_reading().records().networks;
    if (auto record = networks.find(engine.name_space(), name_or_id)) {
        return parse_network_record(*std::move(record));
    }
    const bool may_be_id = name_or_id.size() >= kMinIdPrefix &&
                           name_or_id.find_first_not_of("0123456789abcdef") == name_or_id.npos;
    std::optional<NetworkRecord> found;
    for (auto& record :
         may_be_id ? networks.list(engine.name_space()) : std::vector<storage::Network>()) {
        if (!record.id.to_string().starts_with(name_or_id)) {
            continue;
        }
        if (found) {
            throw Error(ErrorKind::invalid, "network id '{}' is ambiguous", name_or_id)
                .with_hint("give more digits");
        }
        found = parse_network_record(std::move(record));
    }
    return found;
}

NetworkRecord get_network(Engine& engine, const std::string& name_or_id) {
    if (auto found = find_network(engine, name_or_id)) {
        return *std::move(found);
    }
    if (name_or_id == kDefaultNetwork) {
        return create_network_record(engine, {.name = std::string(kDefaultNetwork)});
    }
    throw Error(ErrorKind::not_found, "no network with name or id '{}'", name_or_id)
        .with_hint("'nau network ls' lists them");
}

std::vector<NetworkRecord> list_network_records(Engine& engine) {
    std::vector<NetworkRecord> records;
    for (auto& record : engine.store_for_reading().records().networks.list(engine.name_space())) {
        records.push_back(parse_network_record(std::move(record)));
    }
    return records;
}

NetworkRecord create_network_record(Engine& engine, const CreateNetworkOptions& options) {
    if (is_reserved(options.name)) {
        throw Error(ErrorKind::invalid, "'{}' cannot name a network", options.name)
            .with_hint("it has a meaning of its own for --network");
    }
    storage::Store& store = engine.store_for_writing();
    // Looking around and writing in one transaction: two commands must not choose the same subnet.
    storage::Transaction tx(store.db());
    if (auto existing = find_network(engine, options.name);
        existing && existing->network.name == options.name &&
        (options.ignores_existing || options.name == kDefaultNetwork)) {
        return *std::move(existing);
    }
    const network::Network made = plan_network(engine, options);
    storage::Network record{.id = storage::ContainerId::parse(made.id),
                            .name_space = engine.name_space(),
                            .name = made.name,
                            .driver = std::string(network::to_string(made.driver)),
                            .labels = {options.labels.begin(), options.labels.end()},
                            .created = engine.clock().now(),
                            .config = json::to_text(network::to_json(made))};
    store.records().networks.create(tx, record);
    tx.commit(storage::Durability::durable);
    return {.record = std::move(record), .network = made};
}

}  // namespace nau::engine
