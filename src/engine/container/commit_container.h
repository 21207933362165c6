#pragma once

// `nau commit`: an image of what a container has become. Its changes are a new layer above those of
// its image (or, squashed, the whole tree is the only one); what it was told to run is what
// containers of the new image run. Volumes and mounts are no part of it.

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "oci/digest.h"
#include "oci/image_config.h"

namespace nau::storage {
struct Container;
}

namespace nau::engine {

class Engine;
struct ContainerConfig;

struct CommitOptions {
    std::string container;
    std::string name;  ///< of the image; empty: it has none
    std::string author;
    std::string message;
    std::vector<std::string> changes;
    bool pauses = true;  ///< a running container stands still meanwhile
    bool is_docker_format = false;
    bool is_squashed = false;
};

/// The image id. @throws Error{not_found} the container, {invalid} a change
oci::Digest commit_container(Engine& engine, const CommitOptions& options, std::stop_token stop);

/// What containers of the new image run by default: the image's word, changed by what the container
/// was told, without what the engine adds to every environment. Pure.
oci::ContainerDefaults defaults_of_container(const oci::ContainerDefaults& image,
                                             const storage::Container& record,
                                             const ContainerConfig& config);

}  // namespace nau::engine
