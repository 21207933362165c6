#pragma once

// From what the user asked for to a record with its snapshot: everything about a container that is
// decided once. Internal to the engine; run_container.h has the verb.
//
//   image ─▶ look-ups in its file system (user, groups) ─▶ runtime spec ─▶ one transaction: record,
//   snapshot, volumes ─▶ directories ─▶ volumes filled from the image

#include <optional>
#include <string>

#include "engine/container/container_config.h"
#include "engine/image/images.h"
#include "engine/spec/create_options.h"
#include "storage/store.h"

namespace nau::engine {

class Engine;

/// A record as it was written, with its documents still parsed.
struct CreatedContainer {
    storage::Container record;
    ContainerConfig config;
};

/// @param image nullptr: the root is the directory of --rootfs
/// @param durability relaxed when a transaction follows that is durable, or the container is --rm
/// @throws Error{already_exists} the name, {not_found} user, {invalid} whatever makes no sense
CreatedContainer create_record(Engine& engine,
                               const CreateOptions& options,
                               const ResolvedImage* image,
                               storage::Durability durability);

}  // namespace nau::engine
