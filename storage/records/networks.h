#pragma once

// Networks: a name and the engine's document. What a network is made of is src/network's business.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "storage/container_id.h"
#include "storage/db/database.h"
#include "storage/records/labels.h"

namespace nau::storage {

struct Network {
    ContainerId id;  ///< 64 hexadecimal digits, as a container's
    std::string name_space = {};
    std::string name = {};
    std::string driver = "bridge";
    Labels labels = {};
    Time created = {};
    std::string config = {};  ///< JSON of the engine's own
};

/// An address in use.
struct NetworkAddress {
    std::string address;
    ContainerId container;
    bool is_static = false;  ///< reserved as long as the container exists
};

class Networks {
  public:
    explicit Networks(Database& db) : db_(db) {}

    /// @throws Error{already_exists}, {invalid} for a name that is not plain
    void create(Transaction& tx, const Network& network);
    std::optional<Network> find(std::string_view name_space, std::string_view name);
    /// By name.
    std::vector<Network> list(std::string_view name_space);
    /// Of all namespaces: subnets and interface names are the machine's.
    std::vector<Network> list_all();
    bool set_config(Transaction& tx, const ContainerId& id, std::string_view config);
    /// With its addresses.
    bool remove(Transaction& tx, std::string_view name_space, std::string_view name);

    // --- addresses; `network` is an id

    std::vector<NetworkAddress> addresses(const ContainerId& network);
    /// One that the container holds already is kept. @throws Error{in_use} when another one does
    void take_address(Transaction& tx, const ContainerId& network, const NetworkAddress& address);
    /// Those that are not static, in all networks.
    void release_addresses(Transaction& tx, const ContainerId& container);
    /// Those of all containers that are not static: no container has lived through a boot.
    void release_all_addresses(Transaction& tx);
    /// All of one network, static or not.
    void release_addresses(Transaction& tx,
                           const ContainerId& container,
                           const ContainerId& network);
    /// The address that was given out last in a subnet.
    std::optional<std::string> cursor(const ContainerId& network, std::string_view subnet);
    void set_cursor(Transaction& tx,
                    const ContainerId& network,
                    std::string_view subnet,
                    std::string_view address);

    // --- what containers publish, for listings

    void set_ports(Transaction& tx, const ContainerId& container, std::string_view ports);
    std::map<std::string, std::string> list_ports();

  private:
    Database& db_;
};

}  // namespace nau::storage
