#include "network/dns_zone.h"

#include <algorithm>

#include "base/parse.h"
#include "network/dns_message.h"

namespace nau::network::dns {

namespace {

constexpr size_t kShortIdLength = 12;

std::vector<std::string> names_of(const Attachment& attachment, const Endpoint& endpoint) {
    std::vector<std::string> names = {to_lower(attachment.container_name)};
    const auto add = [&](std::string_view name) {
        std::string lower = to_lower(name);
        if (!lower.empty() && std::ranges::find(names, lower) == names.end()) {
            names.push_back(std::move(lower));
        }
    };
    for (const auto& alias : endpoint.aliases) {
        add(alias);
    }
    add(attachment.container_id.substr(0, kShortIdLength));
    add(attachment.host_name);
    return names;
}

bool has_names(const Endpoint& endpoint) noexcept {
    return endpoint.network.has_dns && endpoint.network.driver == Driver::bridge;
}

bool is_wanted(const IpAddress& address, uint16_t type) noexcept {
    return type == kTypeAny || type == (address.is_v6() ? kTypeAaaa : kTypeA);
}

}  // namespace

void Zone::set(const Attachment& attachment) {
    const auto [place, is_new] = attachments_.try_emplace(attachment.container_id, attachment);
    if (!is_new) {
        if (place->second == attachment) {
            return;
        }
        for (const auto& endpoint : place->second.endpoints) {
            take_away(place->second, endpoint);
        }
        place->second = attachment;
    }
    for (const auto& endpoint : place->second.endpoints) {
        if (has_names(endpoint)) {
            add(place->second, endpoint);
        }
    }
}

void Zone::remove(const std::string& container_id) {
    const auto place = attachments_.find(container_id);
    if (place == attachments_.end()) {
        return;
    }
    for (const auto& endpoint : place->second.endpoints) {
        take_away(place->second, endpoint);
    }
    attachments_.erase(place);
}

std::map<std::string, Network> Zone::networks() const {
    std::map<std::string, Network> networks;
    for (const auto& [id, names] : networks_) {
        networks.emplace(id, names.network);
    }
    return networks;
}

void Zone::take_away(const Attachment& attachment, const Endpoint& endpoint) {
    const auto place = networks_.find(endpoint.network.id);
    if (place == networks_.end()) {
        return;
    }
    NetworkNames& names = place->second;
    for (const auto& prefix : endpoint.addresses) {
        const auto holder = names.holders.find(prefix.address);
        if (holder == names.holders.end() || holder->second != &attachment) {
            continue;  // the address has a new holder already
        }
        names.holders.erase(holder);
        names.names.erase(prefix.address);
        for (const auto& name : names_of(attachment, endpoint)) {
            const auto entry = names.addresses.find(name);
            if (entry != names.addresses.end()) {
                std::erase(entry->second, prefix.address);
                if (entry->second.empty()) {
                    names.addresses.erase(entry);
                }
            }
        }
    }
    if (names.holders.empty()) {
        networks_.erase(place);
    }
}

void Zone::add(const Attachment& attachment, const Endpoint& endpoint) {
    NetworkNames& names = networks_[endpoint.network.id];
    names.network = endpoint.network;
    for (const auto& prefix : endpoint.addresses) {
        names.holders[prefix.address] = &attachment;
        names.names[prefix.address] = attachment.container_name;
        for (const auto& name : names_of(attachment, endpoint)) {
            names.addresses[name].push_back(prefix.address);
        }
    }
}

std::optional<Zone::Client> Zone::find_client(const std::string& network,
                                              const IpAddress& address) const {
    const auto place = networks_.find(network);
    if (place == networks_.end()) {
        return std::nullopt;
    }
    const NetworkNames& names = place->second;
    Client client{
        .networks = {network}, .attachment = nullptr, .may_forward = !names.network.is_internal};
    const auto holder = names.holders.find(address);
    if (holder == names.holders.end()) {
        const bool is_host = std::ranges::any_of(names.network.subnets, [&](const Subnet& subnet) {
            return subnet.prefix.contains(address);
        });
        return is_host ? std::optional(client) : std::nullopt;
    }
    client.attachment = holder->second;
    for (const auto& endpoint : client.attachment->endpoints) {
        if (endpoint.network.id != network && networks_.contains(endpoint.network.id)) {
            client.networks.push_back(endpoint.network.id);
        }
        // Who has another network that leads outside may use it for names as well.
        client.may_forward = client.may_forward || !endpoint.network.is_internal;
    }
    return client;
}

Zone::Found Zone::find_addresses(const Client& client, std::string_view name, uint16_t type) const {
    Found found;
    for (const auto& id : client.networks) {
        const NetworkNames& names = networks_.find(id)->second;
        auto place = names.addresses.find(name);
        const std::string suffix = "." + to_lower(names.network.name);
        if (place == names.addresses.end() && name.ends_with(suffix)) {
            place = names.addresses.find(name.substr(0, name.size() - suffix.size()));
        }
        if (place == names.addresses.end()) {
            continue;
        }
        found.exists = true;
        std::ranges::copy_if(place->second,
                             std::back_inserter(found.addresses),
                             [&](const IpAddress& address) { return is_wanted(address, type); });
    }
    return found;
}

std::vector<std::string> Zone::find_names(const Client& client, const IpAddress& address) const {
    std::vector<std::string> found;
    for (const auto& id : client.networks) {
        const NetworkNames& names = networks_.find(id)->second;
        if (const auto place = names.names.find(address); place != names.names.end()) {
            found.push_back(place->second);
            break;
        }
    }
    return found;
}

bool Zone::is_own(const Client& client, const IpAddress& address) const {
    return std::ranges::any_of(client.networks, [&](const std::string& id) {
        return std::ranges::any_of(
            networks_.find(id)->second.network.subnets,
            [&](const Subnet& subnet) { return subnet.prefix.contains(address); });
    });
}

}  // namespace nau::network::dns
