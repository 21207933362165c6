#pragma once

// `nau secret`, and what becomes of --secret when a container starts.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/time.h"
#include "engine/container/container_config.h"

namespace nau::engine {

class Engine;

struct SecretSummary {
    std::string id;
    std::string name;
    std::map<std::string, std::string> labels;
    Time created;
    Time updated;
};

struct CreateSecretOptions {
    std::string name;
    std::string data;
    std::map<std::string, std::string> labels;
    bool replaces = false;
    bool ignores_existing = false;
};

/// Returns the id. @throws Error{already_exists}, {invalid}
std::string create_secret(Engine& engine, const CreateSecretOptions& options);
/// By name. Filters: name, id. @throws Error{invalid} for others
std::vector<SecretSummary> list_secrets(
    Engine& engine, const std::vector<std::pair<std::string, std::string>>& filters);
/// @throws Error{not_found}
SecretSummary get_secret(Engine& engine, const std::string& name_or_id);
/// podman's shape. @throws Error{not_found}
nlohmann::json inspect_secret(Engine& engine, const std::string& name_or_id, bool with_data);
/// Returns the id. @throws Error{not_found}
std::string remove_secret(Engine& engine, const std::string& name_or_id);

/// Writes a container's secrets into its run directory, as secrets/0, secrets/1 …
/// @throws Error{not_found} naming a secret that is gone
void write_secret_files(Engine& engine,
                        const ContainerConfig& config,
                        const std::string& run_directory);
/// "NAME=value" of those that become variables.
std::vector<std::string> secret_environment(Engine& engine, const ContainerConfig& config);

}  // namespace nau::engine
