#pragma once

// `nau diff`: what a container has changed in its image, or the top layer of an image in the layers
// below.

#include <string>
#include <vector>

#include "storage/layers/changes.h"

namespace nau::engine {

class Engine;

enum class DiffKind { any, container, image };

/// In the order of the paths. What was only made to mount something on is left out.
/// @throws Error{not_found}
std::vector<storage::Change> diff_object(Engine& engine,
                                         const std::string& name_or_id,
                                         DiffKind kind);

}  // namespace nau::engine
