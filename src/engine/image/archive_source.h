#pragma once

// An image that is named by where it lies instead of by a registry, as skopeo and podman write it:
//
//   oci:DIR[:NAME]  oci-archive:FILE[:NAME]  docker-archive:FILE[:NAME]  dir:DIR
//
// NAME is one of the archive's names, or a tag among them; without it there must be one image only.

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "engine/image/load_image.h"
#include "engine/image/save_image.h"

namespace nau::engine {

struct ArchiveSource {
    ArchiveFormat format = ArchiveFormat::docker_archive;  ///< as its transport says
    std::string path;
    std::string name;  ///< empty: the only one
    bool operator==(const ArchiveSource&) const = default;
};

/// nullopt: it names an image as usual. Pure. @throws Error{invalid} without a path
std::optional<ArchiveSource> parse_archive_source(std::string_view text);

/// Loads that one image, with the names that the archive gives it.
/// @throws Error{not_found} no image of that name, {invalid} several and no name; as load_images()
LoadedImage load_from_source(Engine& engine,
                             const ArchiveSource& source,
                             const std::string& platform,
                             PullProgress* progress,
                             std::stop_token stop);

}  // namespace nau::engine
