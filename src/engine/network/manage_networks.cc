// Making, showing and removing networks.

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "engine/container/lifecycle.h"
#include "engine/engine.h"
#include "engine/network/network_records.h"
#include "network/configure.h"
#include "network/keeper_client.h"

namespace nau::engine {

namespace {

using json = nlohmann::json;

json subnets_json(const network::Network& in) {
    json subnets = json::array();
    for (const auto& subnet : in.subnets) {
        json entry = {{"subnet", subnet.prefix.to_string()},
                      {"gateway", subnet.gateway.to_string()}};
        if (subnet.first || subnet.last) {
            entry["lease_range"] = {{"start_ip", subnet.first ? subnet.first->to_string() : ""},
                                    {"end_ip", subnet.last ? subnet.last->to_string() : ""}};
        }
        subnets.push_back(std::move(entry));
    }
    return subnets;
}

/// podman's shape.
json network_json(const NetworkRecord& in) {
    json routes = json::array();
    for (const auto& route : in.network.routes) {
        routes.push_back({{"destination", route.destination.to_string()},
                          {"gateway", route.gateway.to_string()},
                          {"metric", route.metric}});
    }
    json servers = json::array();
    for (const auto& server : in.network.dns_servers) {
        servers.push_back(server.to_string());
    }
    return {{"name", in.network.name},
            {"id", in.network.id},
            {"driver", std::string(network::to_string(in.network.driver))},
            {"network_interface", in.network.interface},
            {"created", format_rfc3339(in.record.created)},
            {"subnets", subnets_json(in.network)},
            {"routes", std::move(routes)},
            {"ipv6_enabled", in.network.has_ipv6()},
            {"internal", in.network.is_internal},
            {"dns_enabled", in.network.has_dns},
            {"network_dns_servers", std::move(servers)},
            {"labels", in.record.labels},
            {"options", in.network.options},
            {"ipam_options", {{"driver", in.network.subnets.empty() ? "none" : "host-local"}}}};
}

std::vector<storage::ContainerSummary> users_of(Engine& engine, const std::string& name) {
    std::vector<storage::ContainerSummary> users;
    for (auto& container :
         engine.store_for_reading().records().containers.list(engine.name_space())) {
        if (std::ranges::find(container.networks, name) != container.networks.end()) {
            users.push_back(std::move(container));
        }
    }
    return users;
}

bool matches(Engine& engine,
             const NetworkRecord& in,
             const std::pair<std::string, std::string>& filter) {
    const auto& [key, value] = filter;
    if (key == "name") {
        return in.network.name.find(value) != std::string::npos;
    }
    if (key == "id") {
        return in.network.id.starts_with(value);
    }
    if (key == "driver") {
        return network::to_string(in.network.driver) == value;
    }
    if (key == "label" || key == "label!") {
        const auto pair = split_once(value, '=');
        const auto found = in.record.labels.find(std::string(pair ? pair->first : value));
        const bool has =
            found != in.record.labels.end() && (!pair || found->second == pair->second);
        return has == (key == "label");
    }
    if (key == "internal") {
        return in.network.is_internal == (value == "true" || value == "1");
    }
    if (key == "type") {
        return (in.network.name == kDefaultNetwork) == (value == "builtin");
    }
    if (key == "scope") {
        return value == "local";
    }
    if (key == "until") {
        const auto moment = parse_rfc3339(value);
        return in.record.created <
               (moment ? *moment : engine.clock().now() - parse_duration(value));
    }
    if (key == "dangling") {
        const bool wanted = value == "true" || value == "1";
        return (in.network.name != kDefaultNetwork && users_of(engine, in.network.name).empty()) ==
               wanted;
    }
    throw Error(ErrorKind::invalid, "unknown filter '{}'", key)
        .with_hint("filters: dangling, driver, id, internal, label, name, scope, type, until");
}

/// Values of one key are alternatives, but labels must all hold; keys must all hold.
bool matches_all(Engine& engine,
                 const NetworkRecord& in,
                 const std::vector<std::pair<std::string, std::string>>& filters) {
    return std::ranges::all_of(filters, [&](const auto& filter) {
        if (filter.first.starts_with("label")) {
            return matches(engine, in, filter);
        }
        return std::ranges::any_of(filters, [&](const auto& other) {
            return other.first == filter.first && matches(engine, in, other);
        });
    });
}

void remove_record(Engine& engine, const NetworkRecord& in) {
    storage::Store& store = engine.store_for_writing();
    {
        storage::Transaction tx(store.db());
        if (!users_of(engine, in.network.name).empty()) {
            throw Error(ErrorKind::in_use, "network {} is in use", in.network.name);
        }
        store.records().networks.remove(tx, engine.name_space(), in.network.name);
        tx.commit(storage::Durability::durable);
    }
    if (in.network.driver != network::Driver::bridge) {
        return;
    }
    try {
        network::NetlinkSocket host(NETLINK_ROUTE);
        network::remove_bridge(host, in.network);
    } catch (const Error& error) {
        NAU_LOG_WARN("{}, ignoring", error.text());
    }
}

}  // namespace

std::string create_network(Engine& engine, const CreateNetworkOptions& options) {
    (void)engine.store_for_writing();
    return doing([&] { return fmt::format("making network '{}'", options.name); },
                 [&] { return create_network_record(engine, options).network.name; });
}

std::vector<json> list_networks(Engine& engine,
                                const std::vector<std::pair<std::string, std::string>>& filters) {
    std::vector<json> list;
    for (const auto& record : list_network_records(engine)) {
        if (matches_all(engine, record, filters)) {
            list.push_back(network_json(record));
        }
    }
    return list;
}

json inspect_network(Engine& engine, const std::string& name_or_id) {
    const NetworkRecord in = get_network(engine, name_or_id);
    json containers = json::object();
    for (const auto& attachment :
         network::read_attachments(engine.store_for_reading().paths().networks())) {
        json interfaces = json::object();
        for (const auto& endpoint : attachment.endpoints) {
            if (endpoint.network.id != in.network.id) {
                continue;
            }
            json subnets = json::array();
            for (const auto& address : endpoint.addresses) {
                json entry = {{"ipnet", address.to_string()}};
                for (const auto& subnet : in.network.subnets) {
                    if (subnet.prefix.contains(address.address)) {
                        entry["gateway"] = subnet.gateway.to_string();
                    }
                }
                subnets.push_back(std::move(entry));
            }
            interfaces[endpoint.container_interface] = {{"subnets", std::move(subnets)},
                                                        {"mac_address", endpoint.mac}};
        }
        if (!interfaces.empty()) {
            containers[attachment.container_id] = {{"name", attachment.container_name},
                                                   {"interfaces", std::move(interfaces)}};
        }
    }
    json object = network_json(in);
    object["containers"] = std::move(containers);
    return object;
}

bool network_exists(Engine& engine, const std::string& name_or_id) {
    return find_network(engine, name_or_id).has_value();
}

std::string remove_network(Engine& engine, const std::string& name_or_id, bool is_forced) {
    (void)engine.store_for_writing();
    const auto in = find_network(engine, name_or_id);
    if (!in) {
        throw Error(ErrorKind::not_found, "no network with name or id '{}'", name_or_id);
    }
    const auto users = users_of(engine, in->network.name);
    if (!users.empty() && !is_forced) {
        std::vector<std::string> names;
        for (const auto& user : users) {
            names.push_back(user.name);
        }
        throw Error(
            ErrorKind::in_use, "network {} is used by {}", in->network.name, fmt::join(names, ", "))
            .with_hint("'nau network disconnect' takes a container out of it; -f removes them");
    }
    for (const auto& user : users) {
        (void)remove_container(engine, user.id.to_string(), {.is_forced = true, .timeout = {}});
    }
    remove_record(engine, *in);
    return in->network.name;
}

std::vector<std::string> prune_networks(
    Engine& engine, const std::vector<std::pair<std::string, std::string>>& filters) {
    (void)engine.store_for_writing();
    std::vector<std::string> removed;
    for (const auto& in : list_network_records(engine)) {
        const bool is_unused =
            in.network.name != kDefaultNetwork && users_of(engine, in.network.name).empty();
        if (!is_unused || !matches_all(engine, in, filters)) {
            continue;
        }
        try {
            remove_record(engine, in);
            removed.push_back(in.network.name);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::in_use) {
                throw;
            }
        }
    }
    return removed;
}

}  // namespace nau::engine
