#pragma once

// `nau update`: other limits for a container, at once if it runs, and for its further starts.

#include <string>

#include "engine/spec/create_options.h"

namespace nau::engine {

class Engine;

/// Changes what `resources` says and leaves the rest. Nothing is recorded when the kernel refuses.
/// Returns the id. @throws Error{invalid}, {unsupported} naming the limit
std::string update_container(Engine& engine,
                             const std::string& name_or_id,
                             const ResourceOptions& resources);

}  // namespace nau::engine
