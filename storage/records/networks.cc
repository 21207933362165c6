#include "storage/records/networks.h"

#include "base/error.h"
#include "storage/paths.h"
#include "storage/records/columns.h"
#include "storage/records/json_text.h"

namespace nau::storage {

namespace {

#define NAU_NETWORK_COLUMNS "id, namespace, name, driver, labels, created, config"

Network read_row(const Statement& row) {
    return {.id = ContainerId::parse(row.text(0)),
            .name_space = row.string(1),
            .name = row.string(2),
            .driver = row.string(3),
            .labels = decode_labels(row.text(4)),
            .created = to_time(row.integer(5)),
            .config = row.string(6)};
}

}  // namespace

void Networks::create(Transaction& tx, const Network& network) {
    if (!is_plain_name(network.name)) {
        throw Error(ErrorKind::invalid, "invalid network name '{}'", network.name)
            .with_hint("letters, digits, '_', '.' and '-', beginning with a letter or digit");
    }
    ensure_namespace(tx, network.name_space, network.created);
    Statement insert(tx.db(),
                     "INSERT INTO networks (" NAU_NETWORK_COLUMNS
                     ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING");
    insert.bind(1, network.id.to_string())
        .bind(2, network.name_space)
        .bind(3, network.name)
        .bind(4, network.driver)
        .bind(5, encode_labels(network.labels))
        .bind(6, to_column(network.created))
        .bind(7, network.config)
        .run();
    if (tx.db().changes() == 0) {
        throw Error(ErrorKind::already_exists, "network '{}' exists", network.name);
    }
}

std::optional<Network> Networks::find(std::string_view name_space, std::string_view name) {
    Statement select(
        db_, "SELECT " NAU_NETWORK_COLUMNS " FROM networks WHERE namespace = ?1 AND name = ?2");
    select.bind(1, name_space).bind(2, name);
    return select.step() ? std::optional(read_row(select)) : std::nullopt;
}

std::vector<Network> Networks::list(std::string_view name_space) {
    Statement select(
        db_, "SELECT " NAU_NETWORK_COLUMNS " FROM networks WHERE namespace = ?1 ORDER BY name");
    select.bind(1, name_space);
    std::vector<Network> networks;
    while (select.step()) {
        networks.push_back(read_row(select));
    }
    return networks;
}

std::vector<Network> Networks::list_all() {
    Statement select(db_, "SELECT " NAU_NETWORK_COLUMNS " FROM networks ORDER BY seq");
    std::vector<Network> networks;
    while (select.step()) {
        networks.push_back(read_row(select));
    }
    return networks;
}

bool Networks::set_config(Transaction& tx, const ContainerId& id, std::string_view config) {
    Statement update(tx.db(), "UPDATE networks SET config = ?2 WHERE id = ?1");
    update.bind(1, id.to_string()).bind(2, config).run();
    return tx.db().changes() > 0;
}

std::vector<NetworkAddress> Networks::addresses(const ContainerId& network) {
    Statement select(
        db_, "SELECT address, container, is_static FROM network_addresses WHERE network = ?1");
    select.bind(1, network.to_string());
    std::vector<NetworkAddress> addresses;
    while (select.step()) {
        addresses.push_back({.address = select.string(0),
                             .container = ContainerId::parse(select.text(1)),
                             .is_static = select.integer(2) != 0});
    }
    return addresses;
}

void Networks::take_address(Transaction& tx,
                            const ContainerId& network,
                            const NetworkAddress& address) {
    Statement insert(tx.db(),
                     "INSERT INTO network_addresses VALUES (?1, ?2, ?3, ?4)"
                     " ON CONFLICT (network, address) DO UPDATE SET"
                     " is_static = max(is_static, excluded.is_static)"
                     " WHERE container = excluded.container");
    insert.bind(1, network.to_string())
        .bind(2, address.address)
        .bind(3, address.container.to_string())
        .bind(4, address.is_static)
        .run();
    if (tx.db().changes() == 0) {
        throw Error(ErrorKind::in_use, "address {} is in use", address.address);
    }
}

void Networks::release_addresses(Transaction& tx, const ContainerId& container) {
    Statement remove(tx.db(),
                     "DELETE FROM network_addresses WHERE container = ?1 AND is_static = 0");
    remove.bind(1, container.to_string()).run();
}

void Networks::release_all_addresses(Transaction& tx) {
    tx.db().execute("DELETE FROM network_addresses WHERE is_static = 0");
}

void Networks::release_addresses(Transaction& tx,
                                 const ContainerId& container,
                                 const ContainerId& network) {
    Statement remove(tx.db(),
                     "DELETE FROM network_addresses WHERE container = ?1 AND network = ?2");
    remove.bind(1, container.to_string()).bind(2, network.to_string()).run();
}

std::optional<std::string> Networks::cursor(const ContainerId& network, std::string_view subnet) {
    Statement select(db_, "SELECT address FROM network_cursors WHERE network = ?1 AND subnet = ?2");
    select.bind(1, network.to_string()).bind(2, subnet);
    return select.step() ? std::optional(select.string(0)) : std::nullopt;
}

void Networks::set_cursor(Transaction& tx,
                          const ContainerId& network,
                          std::string_view subnet,
                          std::string_view address) {
    Statement insert(tx.db(), "INSERT OR REPLACE INTO network_cursors VALUES (?1, ?2, ?3)");
    insert.bind(1, network.to_string()).bind(2, subnet).bind(3, address).run();
}

void Networks::set_ports(Transaction& tx, const ContainerId& container, std::string_view ports) {
    Statement insert(tx.db(), "INSERT OR REPLACE INTO published_ports VALUES (?1, ?2)");
    insert.bind(1, container.to_string()).bind(2, ports).run();
}

std::map<std::string, std::string> Networks::list_ports() {
    Statement select(db_, "SELECT container, ports FROM published_ports");
    std::map<std::string, std::string> ports;
    while (select.step()) {
        ports.emplace(select.string(0), select.string(1));
    }
    return ports;
}

bool Networks::remove(Transaction& tx, std::string_view name_space, std::string_view name) {
    Statement remove(tx.db(), "DELETE FROM networks WHERE namespace = ?1 AND name = ?2");
    remove.bind(1, name_space).bind(2, name).run();
    return tx.db().changes() > 0;
}

}  // namespace nau::storage
