#pragma once

// Device nodes of the host for a container: those of --device, or all of them with --privileged.

#include <vector>

#include "engine/spec/create_options.h"
#include "engine/spec/spec_builder.h"

namespace nau::engine {

/// @throws Error{not_found} a path that does not exist, {invalid} one that is no device
std::vector<ResolvedDevice> resolve_devices(const CreateOptions& options);

/// Limits of block devices by number. nullopt: none is asked for.
/// @throws Error{not_found}, {invalid} for a path that is no block device
std::optional<oci::spec::BlockIoResources> resolve_block_io(const BlockIoOptions& options);

}  // namespace nau::engine
