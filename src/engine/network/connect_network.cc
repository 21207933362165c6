// Networks of containers that exist already: connect, disconnect, reload.

#include <algorithm>
#include <fcntl.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/network/container_network.h"
#include "engine/network/network_records.h"
#include "network/configure.h"
#include "sys/file.h"
#include "sys/namespace.h"

namespace nau::engine {

namespace {

/// A container under its lock, with what its record says.
struct Subject {
    storage::ContainerLock lock;
    storage::Container record;
    ContainerConfig config;
};

Subject lock_subject(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_writing();
    const auto id = find_container(engine, name_or_id);
    auto lock = storage::ContainerLock::acquire(store.paths(), id);
    auto record = get_container(store, id);
    auto config = parse_container_config(record.config);
    if (config.network_mode != "bridge") {
        throw Error(ErrorKind::invalid,
                    "container {} has --network={}, so it cannot be in networks",
                    record.name,
                    config.network_mode);
    }
    return {.lock = std::move(lock), .record = std::move(record), .config = std::move(config)};
}

/// The namespace of a running container; nullopt when it does not run.
std::optional<sys::UniqueFd> open_network_namespace(Engine& engine, const Subject& subject) {
    const auto& state = subject.record.state;
    const auto init = find_init(engine.store_for_writing(), state);
    if (!init) {
        return std::nullopt;
    }
    return sys::open_namespace_of(state.init.pid, sys::NamespaceKind::network);
}

void write_config(Engine& engine, storage::Transaction& tx, const Subject& subject) {
    auto& containers = engine.store_for_writing().records().containers;
    std::vector<std::string> names;
    for (const auto& request : subject.config.networks) {
        names.push_back(request.name);
    }
    containers.set_config(tx, subject.record.id, to_json_text(subject.config));
    containers.set_networks(tx, subject.record.id, names);
}

void announce(Engine& engine, const Subject& subject, const network::Attachment& attachment) {
    storage::Store& store = engine.store_for_writing();
    const auto directory = store.paths().networks();
    network::write_attachment(directory, attachment);
    for (const auto& warning : network::KeeperClient(directory).update(attachment.container_id)) {
        NAU_LOG_WARN("{}, ignoring", warning);
    }
    const std::string& file = subject.config.hosts_file;
    const bool has_base = !file.empty() && file != "none" && file != "image";
    constexpr size_t most_bytes = 1U << 20U;
    write_etc_files(store,
                    subject.record,
                    subject.config,
                    attachment,
                    has_base ? sys::read_file(file, most_bytes) : "");
}

std::string free_interface_name(const network::Attachment& attachment, std::string_view prefix) {
    for (int i = 0;; ++i) {
        std::string name = fmt::format("{}{}", prefix, i);
        if (std::ranges::none_of(attachment.endpoints, [&](const network::Endpoint& endpoint) {
                return endpoint.container_interface == name;
            })) {
            return name;
        }
    }
}

/// The endpoint that was added last, after a failure.
void take_back(Engine& engine, network::Attachment& attachment, const sys::UniqueFd& name_space) {
    try {
        const network::Endpoint gone = attachment.endpoints.back();
        attachment.endpoints.pop_back();
        const auto directory = engine.store_for_writing().paths().networks();
        network::write_attachment(directory, attachment);
        network::NetlinkSocket host(NETLINK_ROUTE);
        auto inside =
            network::ContainerNamespace::enter(name_space.duplicate(), gone.network.has_ipv6());
        network::detach(host, inside, gone);
        network::KeeperClient(directory).update_if_running(attachment.container_id);
    } catch (const Error& error) {
        NAU_LOG_WARN("{}, ignoring", error.text());
    }
}

}  // namespace

void connect_network(Engine& engine, const NetworkRequest& request, const std::string& container) {
    const NetworkRecord in = get_network(engine, request.name);
    Subject subject = lock_subject(engine, container);
    storage::Store& store = engine.store_for_writing();
    NetworkRequest added = request;
    added.name = in.network.name;
    if (std::ranges::any_of(subject.config.networks, [&](const NetworkRequest& other) {
            return other.name == added.name;
        })) {
        throw Error(ErrorKind::already_exists,
                    "container {} is in network {} already",
                    subject.record.name,
                    added.name);
    }
    subject.config.networks.push_back(added);
    const auto directory = store.paths().networks();
    auto attachment = network::read_attachment(directory, subject.record.id.to_string());
    const auto name_space = open_network_namespace(engine, subject);
    std::optional<network::Endpoint> endpoint;
    {
        storage::Transaction tx(store.db());
        if (name_space && attachment) {
            NetworkRequest wanted = added;
            if (wanted.interface_name.empty()) {
                wanted.interface_name =
                    free_interface_name(*attachment, in.network.interface_prefix);
            }
            attachment->endpoints.push_back(
                take_endpoints(engine, tx, subject.record.id, {wanted}).front());
            network::choose_default_routes(attachment->endpoints);
            endpoint = attachment->endpoints.back();
        }
        write_config(engine, tx, subject);
        tx.commit(storage::Durability::durable);
    }
    if (!endpoint) {
        return;  // at the next start
    }
    try {
        network::NetlinkSocket host(NETLINK_ROUTE);
        auto inside = network::ContainerNamespace::enter(name_space->duplicate(),
                                                         endpoint->network.has_ipv6());
        if (endpoint->network.driver == network::Driver::bridge) {
            (void)network::ensure_bridge(host, endpoint->network);
        }
        network::attach(host, inside, *endpoint);
        announce(engine, subject, *attachment);
    } catch (const Error&) {
        take_back(engine, *attachment, *name_space);
        std::erase_if(subject.config.networks,
                      [&](const NetworkRequest& other) { return other.name == added.name; });
        storage::Transaction tx(store.db());
        store.records().networks.release_addresses(tx, subject.record.id, in.record.id);
        write_config(engine, tx, subject);
        tx.commit(storage::Durability::durable);
        throw;
    }
}

void disconnect_network(Engine& engine,
                        const std::string& network,
                        const std::string& container,
                        bool is_forced) {
    const NetworkRecord in = get_network(engine, network);
    Subject subject = lock_subject(engine, container);
    storage::Store& store = engine.store_for_writing();
    const auto removed = std::erase_if(subject.config.networks, [&](const NetworkRequest& other) {
        return other.name == in.network.name;
    });
    if (removed == 0) {
        if (is_forced) {
            return;
        }
        throw Error(ErrorKind::invalid,
                    "container {} is not in network {}",
                    subject.record.name,
                    in.network.name);
    }
    const auto directory = store.paths().networks();
    auto attachment = network::read_attachment(directory, subject.record.id.to_string());
    const auto name_space = open_network_namespace(engine, subject);
    if (name_space && attachment) {
        const auto place =
            std::ranges::find_if(attachment->endpoints, [&](const network::Endpoint& endpoint) {
                return endpoint.network.id == in.network.id;
            });
        if (place != attachment->endpoints.end()) {
            const network::Endpoint gone = *place;
            attachment->endpoints.erase(place);
            network::choose_default_routes(attachment->endpoints);
            // Names and ports first: nothing should lead to an interface that is not there.
            announce(engine, subject, *attachment);
            network::NetlinkSocket host(NETLINK_ROUTE);
            auto inside = network::ContainerNamespace::enter(name_space->duplicate(),
                                                             gone.network.has_ipv6());
            network::detach(host, inside, gone);
            for (const auto& endpoint : attachment->endpoints) {
                network::add_default_routes(inside, endpoint);  // another one leads out now
            }
        }
    }
    storage::Transaction tx(store.db());
    store.records().networks.release_addresses(tx, subject.record.id, in.record.id);
    write_config(engine, tx, subject);
    tx.commit(storage::Durability::durable);
}

std::vector<std::string> reload_networks(Engine& engine) {
    const auto directory = engine.store_for_writing().paths().networks();
    if (network::read_attachments(directory).empty()) {
        return {};
    }
    return network::KeeperClient(directory).reload();
}

}  // namespace nau::engine
