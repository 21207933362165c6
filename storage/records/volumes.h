#pragma once

// Volumes. The data is in Paths::volume_data(); the row says that it is ours and whether prune may
// take it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "storage/container_id.h"
#include "storage/db/database.h"
#include "storage/records/labels.h"

namespace nau::storage {

struct Volume {
    std::string name_space = {};
    std::string name = {};
    std::string driver = "local";
    Labels labels = {};
    Labels options = {};
    Time created = {};
    bool is_anonymous = false;
    /// Has been mounted or filled once: never copied up into again (CVE-2020-1726).
    bool is_used = false;
};

class Volumes {
  public:
    explicit Volumes(Database& db) : db_(db) {}

    /// @throws Error{already_exists}, {invalid} for a name that is not plain
    void create(Transaction& tx, const Volume& volume);
    std::optional<Volume> find(std::string_view name_space, std::string_view name);
    /// By name.
    std::vector<Volume> list(std::string_view name_space);
    bool set_used(Transaction& tx, std::string_view name_space, std::string_view name);
    /// Which containers mount it: set when they are created, gone when they are.
    void attach(Transaction& tx,
                std::string_view name_space,
                std::string_view name,
                const ContainerId& container);
    std::vector<ContainerId> users(std::string_view name_space, std::string_view name);
    /// The row. false when there was none. @throws Error{in_use} naming the containers
    bool remove(Transaction& tx, std::string_view name_space, std::string_view name);

  private:
    Database& db_;
};

}  // namespace nau::storage
