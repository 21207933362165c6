#pragma once

// delete: the end of a container, whatever came before. Every step may be repeated, so that a
// delete that was killed is finished by the next.

#include <string>

#include "engine/oci_runtime/container_dir.h"
#include "oci/runtime_spec.h"

namespace nau::engine::oci_runtime {

enum class Force { no, yes };

/// Force kills what still runs, heals what a killed create has left, and does not mind a container
/// that is gone. @throws Error{not_found}; Error{in_use} for one that runs
void delete_container(const std::string& root, const std::string& id, Force force);

/// For a container whose process the caller has reaped: groups, poststop hooks, files.
void finish_container(const ContainerDir& directory,
                      const ContainerState& state,
                      const oci::RuntimeSpec& spec);

}  // namespace nau::engine::oci_runtime
