#pragma once

// The command line's side of the keeper: its files and its socket.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "network/network.h"
#include "sys/unique_fd.h"

namespace nau::network {

/// nullopt: the container has no network of nau's now. @throws Error{corrupt}
std::optional<Attachment> read_attachment(const std::filesystem::path& directory,
                                          const std::string& container_id);
std::vector<Attachment> read_attachments(const std::filesystem::path& directory);
void write_attachment(const std::filesystem::path& directory, const Attachment& attachment);
void remove_attachment(const std::filesystem::path& directory, const std::string& container_id);

class KeeperClient {
  public:
    explicit KeeperClient(std::filesystem::path directory) : directory_(std::move(directory)) {}

    /// Starts a keeper unless one lives, without waiting for it.
    void begin();
    /// Tells it that the container's file has changed, and waits until ports, rules and names are
    /// as the file says. Starts a keeper when there is none. Returns warnings.
    /// @throws Error as the keeper had it ({in_use} for a port)
    std::vector<std::string> update(const std::string& container_id);
    /// The same, but only if a keeper lives.
    void update_if_running(const std::string& container_id);
    /// Everything anew: table, ports, names.
    std::vector<std::string> reload();
    /// nullopt when no keeper lives.
    std::optional<nlohmann::json> status();

  private:
    bool connect();
    void spawn();
    std::optional<nlohmann::json> ask(const std::string& operation, const std::string& id);
    nlohmann::json ask_or_start(const std::string& operation, const std::string& id);

    std::filesystem::path directory_;
    sys::UniqueFd channel_;
};

}  // namespace nau::network
