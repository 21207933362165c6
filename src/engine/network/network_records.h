#pragma once

// Networks as records: found by name or id, made with a subnet and a bridge name that nobody else
// has. Internal to the engine; networks.h has the verbs.

#include <optional>
#include <string>

#include "engine/network/networks.h"
#include "network/netlink.h"
#include "network/network.h"
#include "storage/store.h"

namespace nau::engine {

class Engine;

struct NetworkRecord {
    storage::Network record;
    network::Network network;
};

NetworkRecord parse_network_record(storage::Network record);
/// By name, id or unique beginning of an id. @throws Error{invalid} when several begin so
std::optional<NetworkRecord> find_network(Engine& engine, const std::string& name_or_id);
/// The default network is made when it is asked for. @throws Error{not_found}
NetworkRecord get_network(Engine& engine, const std::string& name_or_id);
/// All of this tenant. The default network is among them, whether it is made already or not.
std::vector<NetworkRecord> list_network_records(Engine& engine);

/// Makes the record. @throws Error{already_exists}, {invalid}, {in_use} for a subnet that overlaps
NetworkRecord create_network_record(Engine& engine, const CreateNetworkOptions& options);

}  // namespace nau::engine
