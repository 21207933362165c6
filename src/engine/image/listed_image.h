#pragma once

// The image that a manifest list of the store ('nau manifest create') stands for on a machine: run,
// create and pull take the list's name for it. Internal to the engine.

#include <optional>
#include <stop_token>
#include <string>

#include "engine/image/images.h"
#include "engine/image/progress.h"
#include "engine/image/pull_image.h"

namespace nau::engine {

/// nullopt: `name` is no manifest list here. Blobs that are missing are fetched by digest from
/// where the list's name points to, unless the policy is `never`; layers are unpacked.
/// @throws Error{not_found} the list has no image for the platform, or it cannot be had
std::optional<ResolvedImage> ensure_listed_image(Engine& engine,
                                                 const PullOptions& options,
                                                 PullProgress* progress,
                                                 std::stop_token stop);

}  // namespace nau::engine
