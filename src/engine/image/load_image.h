#pragma once

// `nau load`: images from an archive or a directory that save, docker, podman, skopeo, umoci or
// BuildKit wrote. The archive decides which names move to the images in it.

#include <stop_token>
#include <string>
#include <vector>

#include "engine/image/progress.h"
#include "oci/digest.h"

namespace nau::engine {

class Engine;

struct LoadOptions {
    std::string input;       ///< a file or a directory; "-": standard input
    std::string platform;    ///< empty: this machine's
    std::string name;        ///< only the image that the archive calls so; a tag will do
    bool is_single = false;  ///< several are too many
};

struct LoadedImage {
    oci::Digest image_id;
    std::vector<std::string> names;  ///< canonical
};

/// In the order of the archive. @throws Error{corrupt} for whatever is not what the format or a
/// digest says, {unsupported}, {not_found} no image for the platform
std::vector<LoadedImage> load_images(Engine& engine,
                                     const LoadOptions& options,
                                     PullProgress* progress,
                                     std::stop_token stop);

}  // namespace nau::engine
