#pragma once

// `nau import`: a tar of a root file system as an image with one layer. The tar is kept as it
// comes, compressed or not, so that the same file always gives the same layer.

#include <stop_token>
#include <string>
#include <vector>

#include "engine/image/progress.h"
#include "oci/digest.h"

namespace nau::engine {

class Engine;

struct ImportOptions {
    std::string source;  ///< a file, "-" for standard input, or an http(s) URL
    std::string name;    ///< empty: it has none
    std::string message;
    std::string platform;  ///< empty: this machine's
    std::vector<std::string> changes;
};

/// The image id. @throws Error{corrupt} no tar, {unsupported} another compression, {unavailable}
oci::Digest import_image(Engine& engine,
                         const ImportOptions& options,
                         PullProgress* progress,
                         std::stop_token stop);

}  // namespace nau::engine
