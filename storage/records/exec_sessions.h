#pragma once

// Exec sessions that somebody may still ask for (detached ones, those of an API). A foreground
// `exec` needs no row. Rows go with their container; ended ones beyond the newest few are removed
// by whoever adds one, so that health checks and scripts cannot fill the database.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "storage/container_id.h"
#include "storage/db/database.h"
#include "sys/process.h"

namespace nau::storage {

struct ExecSession {
    ContainerId id;
    ContainerId container_id;
    Time created = {};
    std::string config = {};  ///< JSON of the engine's own
    bool is_running = false;
    sys::ProcessId process = {};
    sys::ProcessId monitor = {};
    std::string boot_id = {};
    std::optional<Time> started_at = {};
    std::optional<Time> finished_at = {};
    std::optional<int> exit_code = {};
};

class ExecSessions {
  public:
    /// Ended sessions of one container that are remembered.
    static constexpr int kKeptEnded = 32;

    explicit ExecSessions(Database& db) : db_(db) {}

    /// @throws Error{not_found} no such container
    void create(Transaction& tx, const ExecSession& session);
    /// All but id, container and creation. false when it is gone.
    bool update(Transaction& tx, const ExecSession& session);
    std::optional<ExecSession> find(const ContainerId& id);
    /// Oldest first.
    std::vector<ExecSession> list(const ContainerId& container_id);
    bool remove(Transaction& tx, const ContainerId& id);

  private:
    Database& db_;
};

}  // namespace nau::storage
