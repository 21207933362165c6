#pragma once

// The members of inspect that tell how a container is and how it ended. Internal to the engine.

#include <nlohmann/json_fwd.hpp>

#include "storage/store.h"

namespace nau::engine {

struct ContainerConfig;

nlohmann::json state_json(storage::Store& store,
                          const storage::ContainerId& id,
                          const storage::ContainerState& state);
/// Of Config.
nlohmann::json healthcheck_json(const ContainerConfig& config);
/// Of HostConfig.
nlohmann::json restart_policy_json(const ContainerConfig& config);

}  // namespace nau::engine
