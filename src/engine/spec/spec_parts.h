#pragma once

// The parts of a runtime spec that are large enough for a file of their own. Pure, as
// spec_builder.h is; internal to it.

#include <string>
#include <string_view>
#include <vector>

#include "engine/spec/spec_builder.h"

namespace nau::engine {

inline bool is_host_mode(std::string_view mode) noexcept {
    return mode == "host";
}

inline bool joins_another(std::string_view mode) noexcept {
    return mode.starts_with("container:") || mode.starts_with("ns:");
}

/// The system's mounts and the user's, in the order in which they are made.
std::vector<oci::spec::Mount> build_mounts(const SpecInputs& inputs);

/// The strongest propagation that a mount asks for has to hold for the root as well.
std::string root_propagation(const SpecInputs& inputs);

/// Only what is asked for, without devices.
oci::spec::Resources build_limits(const ResourceOptions& options,
                                  const std::optional<oci::spec::BlockIoResources>& block_io);

oci::spec::Resources build_resources(const SpecInputs& inputs);

}  // namespace nau::engine
