#pragma once

// What is stored of a container. Its state words are hints: what is true says the kernel (pid,
// start time and boot id name its init, see sys/process.h), and every verb corrects them.
//
// A row has three parts, so that frequent writes and listings touch little: identity and state (one
// narrow row), and the two big documents, which never change and are read for one container at a
// time.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "oci/digest.h"
#include "storage/container_id.h"
#include "storage/db/database.h"
#include "storage/records/labels.h"
#include "sys/process.h"

namespace nau::storage {

/// `restarting` is never stored: it is what a listing finds between two runs.
enum class ContainerStatus { created, running, paused, stopping, exited, dead, restarting };
/// The enumerator's name.
std::string_view to_string(ContainerStatus status) noexcept;
/// An unknown word is `dead`.
ContainerStatus parse_container_status(std::string_view word) noexcept;

/// What changes in a container's life.
struct ContainerState {
    ContainerStatus status = ContainerStatus::created;
    sys::ProcessId init = {};     ///< pid 0: none
    sys::ProcessId monitor = {};  ///< pid 0: none
    std::string boot_id = {};     ///< in which the two were alive
    std::optional<Time> started_at = {};
    std::optional<Time> finished_at = {};
    std::optional<int> exit_code = {};  ///< absent: not ended, or not known
    int exit_signal = 0;
    bool oom_killed = false;
    std::string error = {};
    int64_t restart_count = 0;

    bool operator==(const ContainerState&) const = default;
};

/// All that a listing shows.
struct ContainerSummary {
    ContainerId id;
    std::string name_space = {};
    std::string name = {};
    std::string image_name = {};               ///< canonical, as asked for at creation
    std::optional<oci::Digest> image_id = {};  ///< of the image config
    std::vector<std::string> command = {};
    Time created = {};
    bool auto_remove = false;
    std::vector<std::string> networks = {};
    std::vector<std::string> mounts = {};  ///< destinations
    Labels labels = {};
    ContainerState state = {};
};

struct Container : ContainerSummary {
    std::optional<oci::Digest> manifest_digest = {};
    std::string snapshot_key = {};
    std::string config = {};  ///< JSON of the engine's own
    std::string spec = {};    ///< JSON of the runtime spec
};

class Containers {
  public:
    explicit Containers(Database& db) : db_(db) {}

    /// @throws Error{already_exists} naming the container that has the name
    void create(Transaction& tx, const Container& container);
    std::optional<Container> find(const ContainerId& id);
    /// @throws Error{not_found}
    Container get(const ContainerId& id);
    std::optional<ContainerSummary> find_summary(const ContainerId& id);
    std::optional<ContainerState> find_state(const ContainerId& id);
    /// A full id, else a name, else a unique prefix of an id. nullopt: none.
    /// @throws Error{invalid} listing the candidates of an ambiguous prefix
    std::optional<ContainerId> resolve(std::string_view name_space, std::string_view name_or_id);
    std::optional<ContainerId> find_by_name(std::string_view name_space, std::string_view name);
    /// The newest.
    std::optional<ContainerId> latest(std::string_view name_space);
    /// Newest first.
    std::vector<ContainerSummary> list(std::string_view name_space);
    /// Of all namespaces: those whose stored word says that they live.
    std::vector<ContainerSummary> list_live();
    /// Containers made from an image, by its id.
    std::vector<ContainerSummary> list_of_image(std::string_view name_space,
                                                const oci::Digest& image_id);

    /// How many containers were made from each image: digest of the image config → number.
    std::unordered_map<std::string, uint64_t> count_by_image(std::string_view name_space);

    /// false when the container is gone.
    bool set_state(Transaction& tx, const ContainerId& id, const ContainerState& state);
    /// @throws Error{already_exists}; false when the container is gone
    bool rename(Transaction& tx, const ContainerId& id, std::string_view name);
    /// Replaces the engine's document, e.g. after `update`.
    bool set_config(Transaction& tx, const ContainerId& id, std::string_view config);
    /// Replaces the runtime spec, after `update` likewise.
    bool set_spec(Transaction& tx, const ContainerId& id, std::string_view spec);
    /// The names that a listing shows.
    bool set_networks(Transaction& tx,
                      const ContainerId& id,
                      const std::vector<std::string>& networks);
    /// With its exec sessions. false when it is gone.
    bool remove(Transaction& tx, const ContainerId& id);

  private:
    Database& db_;
};

}  // namespace nau::storage
