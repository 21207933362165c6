#pragma once

// What inspect shows of a container beside the essential: docker's and podman's further fields, for
// scripts that ask for them. Internal to inspect.

#include <nlohmann/json_fwd.hpp>

#include "engine/container/container_config.h"
#include "storage/records/containers.h"

namespace nau::engine {

/// Adds members that `out` has not.
void add_inspect_details(const storage::Container& record,
                         const storage::ContainerState& state,
                         const ContainerConfig& config,
                         const nlohmann::json& spec,
                         nlohmann::json& out);

}  // namespace nau::engine
