#pragma once

// `nau volume`: directories that outlive containers. Internal details are in volumes.h.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/time.h"

namespace nau::engine {

class Engine;

struct VolumeSummary {
    std::string name;
    std::string driver;
    std::string mount_point;
    Time created;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> options;
    bool is_anonymous = false;
    size_t user_count = 0;  ///< containers, running or not
};

struct CreateVolumeOptions {
    std::string name;  ///< empty: made up
    std::map<std::string, std::string> labels;
    /// Of the local driver: type, device, o, as mount(8) has them. The mount is made in each
    /// container, never on the host.
    std::map<std::string, std::string> options;
    bool ignores_existing = false;
    std::optional<uint32_t> uid;
    std::optional<uint32_t> gid;
};

/// Returns the name. @throws Error{already_exists}, {invalid}
std::string create_volume(Engine& engine, const CreateVolumeOptions& options);

/// Name, or a beginning of one. @throws Error{not_found}; {invalid} when several begin so
std::string find_volume_name(Engine& engine, const std::string& name);

using VolumeFilters = std::vector<std::pair<std::string, std::string>>;
/// By name. Filters: name, label, label!, driver, scope, opt, dangling, anonymous, until, since.
/// @throws Error{invalid} for others
std::vector<VolumeSummary> list_volumes(Engine& engine, const VolumeFilters& filters);

/// podman's shape, one object.
nlohmann::json inspect_volume(Engine& engine, const std::string& name);

/// With `is_forced` the containers that use it are removed first.
/// @throws Error{not_found}; {in_use} naming the containers
void remove_volume(Engine& engine, const std::string& name, bool is_forced);

/// Those that no container uses; returns their names.
std::vector<std::string> prune_volumes(Engine& engine, const VolumeFilters& filters);

/// Its contents as a tar.
void export_volume(Engine& engine, const std::string& name, int output_fd);
/// A tar is unpacked into it, over what is there.
void import_volume(Engine& engine, const std::string& name, int input_fd);

}  // namespace nau::engine
