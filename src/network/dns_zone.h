#pragma once

// The names that containers have: which container asks, what it may see, who is called so. Pure.
//
// A container has its name, its aliases in a network, its host name and its short id; each also
// with
// ".<network>". It sees those of every network it is in, and nothing of others.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/network.h"

namespace nau::network::dns {

class Zone {
  public:
    /// Adds or replaces a container in one step: there is no moment in which a name is missing.
    void set(const Attachment& attachment);
    void remove(const std::string& container_id);
    /// Those with at least one container, by id.
    std::map<std::string, Network> networks() const;

    struct Client {
        std::vector<std::string> networks;  ///< ids, the one it asked in first
        const Attachment* attachment = nullptr;
        bool may_forward = false;
    };
    /// nullopt: an address that has no business in this network. The host itself may ask.
    std::optional<Client> find_client(const std::string& network, const IpAddress& address) const;

    struct Found {
        bool exists = false;  ///< the name, be it without an address of the wanted kind
        std::vector<IpAddress> addresses = {};
    };
    Found find_addresses(const Client& client, std::string_view name, uint16_t type) const;
    std::vector<std::string> find_names(const Client& client, const IpAddress& address) const;
    /// Whether the address belongs to a network of the client, so that nobody outside is asked.
    bool is_own(const Client& client, const IpAddress& address) const;

  private:
    struct NetworkNames {
        Network network;
        std::map<std::string, std::vector<IpAddress>, std::less<>> addresses;
        std::map<IpAddress, std::string> names;
        std::map<IpAddress, const Attachment*> holders;
    };
    void add(const Attachment& attachment, const Endpoint& endpoint);
    void take_away(const Attachment& attachment, const Endpoint& endpoint);

    std::map<std::string, NetworkNames, std::less<>> networks_;
    /// By container id; what `holders` point to.
    std::map<std::string, Attachment> attachments_;
};

}  // namespace nau::network::dns
