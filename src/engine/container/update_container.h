#pragma once

// `nau update`: other limits for a container, at once if it runs, and for its further starts; other
// variables and another restart policy.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/spec/create_options.h"

namespace nau::engine {

class Engine;

/// What is absent or empty stays as it is.
struct UpdateOptions {
    ResourceOptions resources;
    std::optional<std::string> restart_policy;  ///< as normal_restart_policy() gives it
    std::vector<std::pair<std::string, std::string>> env;
    std::vector<std::string> unset_env;
};

/// Nothing is recorded when the kernel refuses. Variables are those of further starts and of exec;
/// the restart policy of a container that runs is its monitor's. Returns the id.
/// @throws Error{invalid}, {unsupported} naming the limit
std::string update_container(Engine& engine,
                             const std::string& name_or_id,
                             const UpdateOptions& options);

}  // namespace nau::engine
