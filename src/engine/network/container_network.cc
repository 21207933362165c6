#include "engine/network/container_network.h"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <set>
#include <span>

#include <fmt/core.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/network/network_records.h"
#include "engine/spec/etc_files.h"
#include "network/configure.h"
#include "network/ipam.h"
#include "network/socket_address.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

using network::IpAddress;
using network::PublishedPort;

constexpr int kPortAttempts = 16;
constexpr size_t kShortId = 12;
constexpr size_t kMaxResolvConfBytes = 1U << 20U;

// --- when the container is created

/// Free for all that the port is published on; the kernel chooses from its ephemeral range.
uint16_t choose_host_port(const PortRequest& request) {
    const int type = request.protocol == "udp" ? SOCK_DGRAM : SOCK_STREAM;
    for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
        const IpAddress first = request.host_address.value_or(IpAddress());
        const auto socket = network::listen_on({.address = first, .port = 0}, type);
        const uint16_t port = network::local_address(socket.get()).port;
        bool is_free = true;
        for (uint16_t i = 0; i < request.count; ++i) {
            try {
                if (i > 0) {
                    (void)network::listen_on(
                        {.address = first, .port = static_cast<uint16_t>(port + i)}, type);
                }
                if (!request.host_address) {
                    (void)network::listen_on(
                        {.address = IpAddress::v6({}), .port = static_cast<uint16_t>(port + i)},
                        type);
                }
            } catch (const SysError& error) {
                is_free = is_free && error.error() != EADDRINUSE;
            }
        }
        if (is_free && port <= UINT16_MAX - request.count) {
            return port;
        }
    }
    throw Error(ErrorKind::unavailable, "no free port of the host was found");
}

std::optional<IpAddress> default_publish_address(const Engine& engine) {
    const std::string& text = engine.options().default_publish_address;
    return text.empty() ? std::nullopt : doing("default_publish_address", [&] {
        return std::optional(IpAddress::parse(text));
    });
}

/// That of the networks goes before that of the settings.
std::optional<IpAddress> publish_address_of(Engine& engine, const NetworkOptions& options) {
    for (const auto& request : options.networks) {
        if (const auto address = get_network(engine, request.name).network.publish_address) {
            return address;
        }
    }
    return default_publish_address(engine);
}

std::vector<PublishedPort> choose_ports(Engine& engine, const NetworkOptions& options) {
    std::vector<PublishedPort> ports;
    for (PortRequest request : options.ports) {
        if (request.host_port > UINT16_MAX - request.count + 1 ||
            request.container_port > UINT16_MAX - request.count + 1) {
            throw Error(ErrorKind::invalid, "a range of ports goes beyond 65535");
        }
        if (!request.host_address) {
            request.host_address = publish_address_of(engine, options);
        }
        if (request.host_port == 0) {
            request.host_port = choose_host_port(request);
        }
        for (uint16_t i = 0; i < request.count; ++i) {
            PublishedPort port{.host_address = request.host_address,
                               .host_port = static_cast<uint16_t>(request.host_port + i),
                               .container_port = static_cast<uint16_t>(request.container_port + i),
                               .protocol = request.protocol};
            if (std::ranges::find(ports, port) == ports.end()) {
                ports.push_back(std::move(port));
            }
        }
    }
    for (size_t i = 0; i < ports.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
            if (ports[i].host_port == ports[j].host_port &&
                ports[i].protocol == ports[j].protocol &&
                ports[i].host_address == ports[j].host_address) {
                throw Error(ErrorKind::invalid,
                            "port {} ({}) of the host is published twice",
                            network::host_side(ports[i]),
                            ports[i].protocol);
            }
        }
    }
    return ports;
}

/// Those of the image and of --expose; an image's nonsense is none.
std::vector<ExposedPort> exposed_ports(const std::vector<std::string>& image_ports,
                                       const NetworkOptions& options) {
    std::vector<ExposedPort> exposed = options.exposed_ports;
    for (const auto& text : image_ports) {
        try {
            exposed.push_back(parse_expose_flag(text));
        } catch (const Error& error) {
            NAU_LOG_WARN("exposed port of the image: {}, ignoring", error.text());
        }
    }
    return exposed;
}

void publish_exposed(const std::vector<ExposedPort>& exposed, NetworkOptions& options) {
    for (const auto& port : exposed) {
        for (uint16_t i = 0; i < port.count; ++i) {
            const auto number = static_cast<uint16_t>(port.first + i);
            const bool is_published = std::ranges::any_of(options.ports, [&](const auto& other) {
                return other.protocol == port.protocol && number >= other.container_port &&
                       number - other.container_port < other.count;
            });
            if (!is_published) {
                options.ports.push_back(
                    {.container_port = number, .count = 1, .protocol = port.protocol});
            }
        }
    }
}

/// --ip and its kin belong to the only network.
void apply_single_network_flags(NetworkOptions& options) {
    if (options.networks.empty()) {
        options.networks.push_back({.name = std::string(kDefaultNetwork)});
    }
    for (const std::string* address : {&options.address, &options.address6}) {
        if (!address->empty()) {
            options.networks.front().addresses.push_back(*address);
        }
    }
    if (!options.mac.empty()) {
        options.networks.front().mac = network::MacAddress::parse(options.mac).to_string();
    }
    for (auto& request : options.networks) {
        request.aliases.insert(
            request.aliases.end(), options.aliases.begin(), options.aliases.end());
    }
}

// --- when it is started

bool is_v6_text(const std::string& address) noexcept {
    return address.find(':') != address.npos;
}

/// Or has not begun. A container that its monitor is about to restart keeps what it has.
bool has_ended(storage::Store& store, const storage::ContainerSummary& container) {
    using enum storage::ContainerStatus;
    const auto status = actual_state(store, container.id, container.state).status;
    return status == created || status == exited || status == dead;
}

/// Addresses whose container does not run and is not being started by anybody are free again.
void reclaim_addresses(Engine& engine,
                       const storage::ContainerId& network,
                       const storage::ContainerId& own) {
    storage::Store& store = engine.store_for_writing();
    std::set<storage::ContainerId> holders;
    for (const auto& address : store.records().networks.addresses(network)) {
        if (!address.is_static && address.container != own) {
            holders.insert(address.container);
        }
    }
    for (const auto& holder : holders) {
        auto lock = storage::ContainerLock::try_acquire(store.paths(), holder);
        const auto summary = lock ? find_summary(store, holder) : std::nullopt;
        if (!summary || !has_ended(store, *summary)) {
            continue;
        }
        NAU_LOG_DEBUG("container {} has ended; its addresses are free", holder.short_id());
        release_network(engine, holder);
        storage::Transaction tx(store.db());
        store.records().networks.release_addresses(tx, holder);
        tx.commit(storage::Durability::relaxed);
    }
}

bool shares_port(const network::Attachment& one, const network::Attachment& other) {
    return std::ranges::any_of(one.ports, [&](const PublishedPort& port) {
        return std::ranges::any_of(other.ports, [&](const PublishedPort& taken) {
            return taken.host_port == port.host_port && taken.protocol == port.protocol;
        });
    });
}

/// Ports of a container that has ended are free, though whoever cleans up after it may be at work
/// still, or was killed. Returns whether there were any.
bool release_dead_holders(Engine& engine, const network::Attachment& own) {
    constexpr std::chrono::seconds patience{2};
    storage::Store& store = engine.store_for_writing();
    const auto is_dead = [&](const storage::ContainerId& id) {
        const auto summary = find_summary(store, id);
        return !summary || has_ended(store, *summary);
    };
    bool has_released = false;
    for (const auto& other : network::read_attachments(store.paths().networks())) {
        const auto id = storage::ContainerId::parse(other.container_id);
        if (other.container_id == own.container_id || !shares_port(own, other) || !is_dead(id)) {
            continue;
        }
        const auto lock = storage::ContainerLock::acquire(store.paths(), id, patience);
        if (is_dead(id)) {
            release_network(engine, id);
            has_released = true;
        }
    }
    return has_released;
}

void announce(Engine& engine,
              network::KeeperClient& keeper,
              const network::Attachment& attachment) {
    const auto update = [&] {
        for (const auto& warning : keeper.update(attachment.container_id)) {
            NAU_LOG_WARN("{}, ignoring", warning);
        }
    };
    try {
        update();
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::in_use || !release_dead_holders(engine, attachment)) {
            throw;
        }
        update();
    }
}

std::optional<std::string> name_of_holder(storage::Store& store,
                                          const std::vector<storage::NetworkAddress>& taken,
                                          const std::string& address) {
    for (const auto& entry : taken) {
        if (entry.address == address) {
            const auto summary = store.records().containers.find_summary(entry.container);
            return summary ? summary->name : std::string(entry.container.short_id());
        }
    }
    return std::nullopt;
}

/// One address of one subnet: the one that was asked for, or the next free one.
network::IpPrefix take_address(Engine& engine,
                               storage::Transaction& tx,
                               const storage::ContainerId& id,
                               const NetworkRecord& in,
                               const network::Subnet& subnet,
                               const NetworkRequest& request) {
    storage::Store& store = engine.store_for_writing();
    auto& records = store.records().networks;
    const auto taken = records.addresses(in.record.id);
    const auto wanted = std::ranges::find_if(request.addresses, [&](const std::string& address) {
        return is_v6_text(address) == subnet.prefix.address.is_v6() &&
               subnet.prefix.contains(IpAddress::parse(address));
    });
    if (wanted != request.addresses.end()) {
        const IpAddress address = IpAddress::parse(*wanted);
        network::check_static_address(subnet, address);
        try {
            records.take_address(
                tx, in.record.id, {.address = *wanted, .container = id, .is_static = true});
        } catch (Error& error) {
            const auto holder = name_of_holder(store, taken, *wanted);
            throw Error(ErrorKind::in_use,
                        "address {} of network {} belongs to container {}",
                        *wanted,
                        in.network.name,
                        holder.value_or("?"));
        }
        return {.address = address, .length = subnet.prefix.length};
    }
    std::set<IpAddress> addresses;
    for (const auto& entry : taken) {
        const auto address = IpAddress::try_parse(entry.address);
        if (address && subnet.prefix.contains(*address)) {
            if (entry.container == id) {
                return {.address = *address, .length = subnet.prefix.length};
            }
            addresses.insert(*address);
        }
    }
    const std::string key = subnet.prefix.to_string();
    const auto cursor = records.cursor(in.record.id, key);
    const auto chosen = network::choose_address(
        subnet, addresses, cursor ? IpAddress::try_parse(*cursor) : std::nullopt);
    if (!chosen) {
        throw Error(ErrorKind::unavailable,
                    "network {} has no free address left in {}",
                    in.network.name,
                    key)
            .with_hint("remove containers, or use a network with a bigger --subnet");
    }
    records.take_address(tx, in.record.id, {.address = chosen->to_string(), .container = id});
    records.set_cursor(tx, in.record.id, key, chosen->to_string());
    return {.address = *chosen, .length = subnet.prefix.length};
}

/// Locally administered, for those without an address.
std::string random_mac() {
    network::MacAddress::Bytes bytes{};
    sys::fill_random(std::as_writable_bytes(std::span(bytes)));
    bytes[0] = static_cast<uint8_t>((bytes[0] & 0xfcU) | 0x02U);
    return network::MacAddress(bytes).to_string();
}

void check_wanted_addresses(const NetworkRecord& in, const NetworkRequest& request) {
    for (const auto& text : request.addresses) {
        const IpAddress address = IpAddress::parse(text);
        if (std::ranges::none_of(in.network.subnets, [&](const network::Subnet& subnet) {
                return subnet.prefix.contains(address);
            })) {
            throw Error(ErrorKind::invalid,
                        "address {} is in no subnet of network {}",
                        text,
                        in.network.name);
        }
    }
}

network::Endpoint take_endpoint(Engine& engine,
                                storage::Transaction& tx,
                                const storage::ContainerId& id,
                                const NetworkRequest& request,
                                const std::set<std::string>& taken_interfaces) {
    const NetworkRecord in = get_network(engine, request.name);
    check_wanted_addresses(in, request);
    network::Endpoint endpoint{.network = in.network,
                               .host_interface = in.network.driver == network::Driver::bridge
                                                     ? network::make_interface_name()
                                                     : "",
                               .container_interface = request.interface_name,
                               .aliases = request.aliases};
    for (int i = 0; endpoint.container_interface.empty(); ++i) {
        const std::string name = fmt::format("{}{}", in.network.interface_prefix, i);
        if (!taken_interfaces.contains(name)) {
            endpoint.container_interface = name;
        }
    }
    for (const auto& subnet : in.network.subnets) {
        endpoint.addresses.push_back(take_address(engine, tx, id, in, subnet, request));
    }
    if (!request.mac.empty()) {
        endpoint.mac = request.mac;
    } else if (!endpoint.addresses.empty()) {
        endpoint.mac =
            network::MacAddress::of_address(endpoint.addresses.front().address).to_string();
    } else {
        endpoint.mac = random_mac();
    }
    return endpoint;
}

}  // namespace

void resolve_network(Engine& engine,
                     const std::vector<std::string>& image_ports,
                     NetworkOptions& options,
                     ContainerConfig& config) {
    if (options.mode.empty()) {
        doing("default_network",
              [&] { apply_network_flag(engine.options().default_network, options); });
        check_network_options(options);
    }
    const auto exposed = exposed_ports(image_ports, options);
    for (const auto& port : exposed) {
        for (uint16_t i = 0; i < port.count; ++i) {
            config.exposed_ports.push_back(fmt::format("{}/{}", port.first + i, port.protocol));
        }
    }
    config.network_mode = options.mode;
    if (options.mode != "bridge") {
        if (options.publishes_all || !options.ports.empty()) {
            NAU_LOG_WARN("published ports have no effect with --network={}, ignoring",
                         options.mode);
        }
        return;
    }
    apply_single_network_flags(options);
    for (const auto& request : options.networks) {
        check_wanted_addresses(get_network(engine, request.name), request);
    }
    if (options.publishes_all) {
        publish_exposed(exposed, options);
    }
    config.networks = options.networks;
    config.ports = choose_ports(engine, options);
}

void check_networks_exist(Engine& engine, const NetworkOptions& options) {
    for (const auto& request : options.networks) {
        if (request.name != kDefaultNetwork) {
            (void)get_network(engine, request.name);
        }
    }
}

std::string port_text(const std::vector<PublishedPort>& ports) {
    std::string text;
    for (size_t i = 0; i < ports.size();) {
        const PublishedPort& first = ports[i];
        size_t count = 1;
        while (i + count < ports.size()) {
            const PublishedPort& next = ports[i + count];
            const bool follows = next.host_address == first.host_address &&
                                 next.protocol == first.protocol &&
                                 next.host_port == first.host_port + count &&
                                 next.container_port == first.container_port + count;
            if (!follows) {
                break;
            }
            ++count;
        }
        const auto range = [&](uint16_t port) {
            return count == 1 ? fmt::format("{}", port)
                              : fmt::format("{}-{}", port, port + count - 1);
        };
        const std::string address =
            network::host_side(first).substr(0, network::host_side(first).rfind(':'));
        text += fmt::format("{}{}:{}->{}/{}",
                            text.empty() ? "" : ", ",
                            address,
                            range(first.host_port),
                            range(first.container_port),
                            first.protocol);
        i += count;
    }
    return text;
}

bool needs_keeper(const Engine& engine, const NetworkOptions& options) {
    const std::string& fallback = engine.options().default_network;
    const bool falls_on_bridge =
        fallback != "none" && fallback != "host" && !fallback.starts_with("ns:");
    return options.mode == "bridge" || (options.mode.empty() && falls_on_bridge);
}

std::vector<network::Endpoint> take_endpoints(Engine& engine,
                                              storage::Transaction& tx,
                                              const storage::ContainerId& id,
                                              const std::vector<NetworkRequest>& requests) {
    std::vector<network::Endpoint> endpoints;
    std::set<std::string> interfaces;
    for (const auto& request : requests) {
        if (!request.interface_name.empty() && !interfaces.insert(request.interface_name).second) {
            throw Error(
                ErrorKind::invalid, "interface {} is asked for twice", request.interface_name);
        }
    }
    for (const auto& request : requests) {
        endpoints.push_back(take_endpoint(engine, tx, id, request, interfaces));
        interfaces.insert(endpoints.back().container_interface);
    }
    network::choose_default_routes(endpoints);
    return endpoints;
}

ConnectedNetwork ConnectedNetwork::make(Engine& engine,
                                        const storage::ContainerLock& lock,
                                        const storage::Container& record,
                                        const ContainerConfig& config,
                                        network::KeeperClient& keeper,
                                        sys::UniqueFd name_space) {
    storage::Store& store = engine.store_for_writing();
    ConnectedNetwork made(engine, lock.id());
    network::Attachment& attachment = made.attachment_;
    attachment.container_id = record.id.to_string();
    attachment.container_name = record.name;
    attachment.host_name =
        config.host_name == attachment.container_id.substr(0, kShortId) ? "" : config.host_name;
    attachment.ports = config.ports;
    for (const auto& text : config.dns_servers) {
        if (const auto address = IpAddress::try_parse(text)) {
            attachment.dns_servers.push_back(*address);
        }
    }
    for (const auto& request : config.networks) {
        (void)get_network(engine, request.name);  // the default one may have to be made
    }
    const auto take = [&] {
        storage::Transaction tx(store.db());
        store.records().networks.release_addresses(tx, record.id);
        attachment.endpoints = take_endpoints(engine, tx, record.id, config.networks);
        tx.commit(storage::Durability::relaxed);
    };
    NAU_FAIL_POINT("network.start.before_addresses");
    try {
        take();
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::unavailable) {
            throw;
        }
        for (const auto& request : config.networks) {
            reclaim_addresses(engine, get_network(engine, request.name).record.id, record.id);
        }
        take();
    }
    NAU_FAIL_POINT("network.start.after_addresses");
    // Only servers that the container itself cannot reach: then the keeper's has to do.
    const auto resolv_conf = sys::read_file_if_exists("/etc/resolv.conf", kMaxResolvConfBytes);
    if (config.dns_servers.empty() && resolv_conf &&
        resolv_conf->find("nameserver") != resolv_conf->npos &&
        !names_reachable_server(*resolv_conf)) {
        for (auto& endpoint : attachment.endpoints) {
            endpoint.network.has_dns =
                endpoint.network.has_dns || endpoint.network.driver == network::Driver::bridge;
        }
    }
    const bool has_ipv6 = std::ranges::any_of(
        attachment.endpoints,
        [](const network::Endpoint& endpoint) { return endpoint.network.has_ipv6(); });
    auto container = name_space
                         ? network::ContainerNamespace::enter(std::move(name_space), has_ipv6)
                         : network::ContainerNamespace::make(has_ipv6);
    network::NetlinkSocket host(NETLINK_ROUTE);
    std::vector<network::Request> loopback;
    loopback.push_back(network::set_link_up("lo"));
    container.netlink().request_all(loopback);
    bool has_bridge = false;
    for (const auto& endpoint : attachment.endpoints) {
        if (endpoint.network.driver == network::Driver::bridge) {
            has_bridge = true;
            (void)network::ensure_bridge(host, endpoint.network);
        }
        doing([&] { return fmt::format("connecting to network {}", endpoint.network.name); },
              [&] { network::attach(host, container, endpoint); });
    }
    NAU_FAIL_POINT("network.start.after_interfaces");
    made.namespace_ = container.take_fd();
    network::write_attachment(store.paths().networks(), attachment);
    NAU_FAIL_POINT("network.start.after_file");
    if (has_bridge) {
        announce(engine, keeper, attachment);
    } else if (!attachment.ports.empty()) {
        NAU_LOG_WARN("ports are published by bridge networks only, ignoring them");
    }
    NAU_FAIL_POINT("network.start.after_keeper");
    return made;
}

ConnectedNetwork::ConnectedNetwork(ConnectedNetwork&& other) noexcept
    : engine_(std::exchange(other.engine_, nullptr)),
      id_(std::move(other.id_)),
      namespace_(std::move(other.namespace_)),
      attachment_(std::move(other.attachment_)) {}

ConnectedNetwork::~ConnectedNetwork() {
    if (engine_ == nullptr) {
        return;
    }
    release_network(*engine_, id_);
    try {
        storage::Store& store = engine_->store_for_writing();
        storage::Transaction tx(store.db());
        store.records().networks.release_addresses(tx, id_);
        tx.commit(storage::Durability::relaxed);
    } catch (const std::exception& error) {
        NAU_LOG_WARN("releasing addresses: {}, ignoring", error.what());
    }
}

void release_network(Engine& engine, const storage::ContainerId& id) noexcept {
    try {
        const auto directory = engine.store_for_writing().paths().networks();
        const std::string text = id.to_string();
        const auto attachment = network::read_attachment(directory, text);
        if (!attachment) {
            return;
        }
        network::remove_attachment(directory, text);
        network::KeeperClient(directory).update_if_running(text);
    } catch (const std::exception& error) {
        NAU_LOG_WARN("network of {}: {}, ignoring", id.short_id(), error.what());
    }
}

}  // namespace nau::engine
