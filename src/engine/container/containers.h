#pragma once

// What is known of containers: summaries for listings and the whole for inspect. State is what the
// kernel says (pidfd, start time, boot); the stored word is a hint that reconcile corrects.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/time.h"

namespace nau::engine {

class Engine;

enum class ContainerStatus { created, running, paused, stopping, exited, dead, restarting };
std::string_view to_string(ContainerStatus status) noexcept;

struct ContainerSummary {
    std::string id;  ///< 64 hexadecimal digits
    std::string name;
    std::string image;     ///< as it was asked for, completed
    std::string image_id;  ///< hex
    std::vector<std::string> command;
    Time created;
    ContainerStatus status = ContainerStatus::created;
    std::optional<Time> started;
    std::optional<Time> finished;
    std::optional<int> exit_code;  ///< absent while it runs, and when it is not known
    int pid = 0;
    std::string health;  ///< starting, healthy, unhealthy; empty: no health check, or not running
    std::map<std::string, std::string> labels;
    std::vector<std::string> networks;
    std::string ports;                ///< "0.0.0.0:8080->80/tcp, …"
    std::vector<std::string> mounts;  ///< destinations
    bool auto_remove = false;
};

struct ListContainersOptions {
    bool includes_stopped = false;
    /// key → values as typed: id, name, status, exited, label, ancestor, before, since, network,
    /// volume, command. Several values of one key are alternatives. @throws Error{invalid} for
    /// other keys
    std::vector<std::pair<std::string, std::string>> filters;
    std::optional<size_t> last;  ///< -n: the newest so many, whatever their state
};

/// Newest first. Takes no lock that a pull or a removal holds.
std::vector<ContainerSummary> list_containers(Engine& engine, const ListContainersOptions& options);

/// Full id for a name, an id or a unique id prefix.
/// @throws Error{not_found} "no container with name or id 'x'", {invalid} when a prefix matches
/// several
std::string find_container_id(Engine& engine, const std::string& name_or_id);

/// @throws Error{invalid} when a prefix matches several
bool container_exists(Engine& engine, const std::string& name_or_id);

/// The newest container (--latest). @throws Error{not_found} when there is none
std::string latest_container_id(Engine& engine);

/// Of a process: "net" → the inode number of its namespace. Empty when there is no such process.
std::map<std::string, std::string> process_namespaces(int pid);

struct ContainerSizes {
    uint64_t written_bytes = 0;  ///< by the container itself
    uint64_t image_bytes = 0;    ///< of the layers below
};
/// @throws Error{not_found}
ContainerSizes container_sizes(Engine& engine, const std::string& name_or_id);

/// docker's shape with podman's additions; one object.
nlohmann::json inspect_container(Engine& engine, const std::string& name_or_id, bool with_size);
nlohmann::json inspect_image(Engine& engine, const std::string& name_or_id);

/// What `nau info` shows.
nlohmann::json system_info(Engine& engine);

}  // namespace nau::engine
