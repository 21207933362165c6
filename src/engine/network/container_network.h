#pragma once

// A container's network while it runs: addresses taken, interfaces made, ports and names announced;
// and all of that undone. Internal to the engine.
//
//   resolve_network()   pure but for records: what was asked for → what the record keeps
//   ConnectedNetwork    addresses (one transaction) ─▶ namespace, interfaces ─▶ file ─▶ keeper
//   the monitor holds the namespace: a restart by it finds everything as it was
//   release_network()   file, ports and names go; addresses in the caller's transaction

#include <optional>
#include <string>
#include <vector>

#include "engine/container/container_config.h"
#include "engine/spec/create_options.h"
#include "network/keeper_client.h"
#include "network/network.h"
#include "storage/store.h"
#include "sys/unique_fd.h"

namespace nau::engine {

class Engine;

/// Fills in what was left open: the default network, free host ports, the image's exposed ports.
/// Checks that the networks exist. @throws Error
void resolve_network(Engine& engine,
                     const std::vector<std::string>& image_ports,
                     NetworkOptions& options,
                     ContainerConfig& config);

/// That the networks exist, before anything long is begun. @throws Error{not_found}
void check_networks_exist(Engine& engine, const NetworkOptions& options);

/// Whether a keeper will be needed, so that it can be started early.
bool needs_keeper(const Engine& engine, const NetworkOptions& options);

/// Networks that the kernel now has for a container; taken back unless commit() is called.
class ConnectedNetwork {
  public:
    /// @param lock on the container
    /// @param name_space made beforehand, for a user namespace; empty: one is made
    static ConnectedNetwork make(Engine& engine,
                                 const storage::ContainerLock& lock,
                                 const storage::Container& record,
                                 const ContainerConfig& config,
                                 network::KeeperClient& keeper,
                                 sys::UniqueFd name_space = {});
    ~ConnectedNetwork();
    ConnectedNetwork(ConnectedNetwork&& other) noexcept;
    ConnectedNetwork& operator=(ConnectedNetwork&&) = delete;
    ConnectedNetwork(const ConnectedNetwork&) = delete;
    ConnectedNetwork& operator=(const ConnectedNetwork&) = delete;

    int namespace_fd() const noexcept { return namespace_.get(); }
    const network::Attachment& attachment() const noexcept { return attachment_; }
    void commit() noexcept { engine_ = nullptr; }

  private:
    ConnectedNetwork(Engine& engine, storage::ContainerId id)
        : engine_(&engine), id_(std::move(id)) {}

    Engine* engine_;
    storage::ContainerId id_;
    sys::UniqueFd namespace_;
    network::Attachment attachment_;
};

/// Addresses of the endpoints for the networks asked for, in the caller's transaction.
std::vector<network::Endpoint> take_endpoints(Engine& engine,
                                              storage::Transaction& tx,
                                              const storage::ContainerId& id,
                                              const std::vector<NetworkRequest>& requests);

/// "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp": what a listing shows; ranges are joined. Pure.
std::string port_text(const std::vector<network::PublishedPort>& ports);

/// When the container has ended: its file goes, and the keeper is told. Idempotent; never throws.
void release_network(Engine& engine, const storage::ContainerId& id) noexcept;

/// The container's hosts, hostname and resolv.conf, in place: they are bound over the container's.
/// @param base_hosts what /etc/hosts begins with
/// passwd and group, as far as the container gets lines that its root file system does not have.
void write_account_files(const std::filesystem::path& directory,
                         const ContainerConfig& config,
                         int rootfs_fd);
void write_etc_files(storage::Store& store,
                     const storage::Container& record,
                     const ContainerConfig& config,
                     const std::optional<network::Attachment>& attachment,
                     const std::string& base_hosts);

}  // namespace nau::engine
