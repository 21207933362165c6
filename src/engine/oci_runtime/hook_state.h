#pragma once

// What hooks of start and delete read on their standard input.

#include <string>

#include "engine/oci_runtime/container_dir.h"
#include "oci/runtime_spec.h"
#include "runtime/hooks.h"

namespace nau::engine::oci_runtime {

/// `status` as the specification has it; stopped has no pid.
runtime::ContainerState hook_state(const ContainerState& state, std::string status);

/// A hook that fails ends the container, since whoever asked for it relies on it.
/// @throws Error naming the hook
void run_poststart_hooks(const oci::RuntimeSpec& spec, const ContainerState& state);

}  // namespace nau::engine::oci_runtime
