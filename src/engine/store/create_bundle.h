#pragma once

// `nau bundle create`: an image as an OCI bundle (runtime-spec, bundle.md) that any runtime can
// run: DIR/rootfs with all files of the image, DIR/config.json. The directory belongs to the user
// afterwards; the store knows nothing of it.

#include <stop_token>
#include <string>

#include "engine/spec/create_options.h"

namespace nau::engine {

class Engine;

struct BundleOptions {
    std::string directory;  ///< new or empty
    /// Of these, what is about the process and the network counts; `image` names the image.
    CreateOptions create;
};

/// @throws Error{not_found} the image or the user, {already_exists} the directory is not empty
void create_bundle(Engine& engine, const BundleOptions& options, std::stop_token stop);

}  // namespace nau::engine
