#pragma once

// What images an archive holds, whatever its form, with all their documents verified and each layer
// found in it. Reading changes nothing in the store; load_image.h does. Internal to the engine.
//
//   oci-layout + index.json    OCI layout: oci-archive, oci-dir, docker's own archives since 25
//   manifest.json, a list      docker-archive
//   manifest.json, an object   skopeo's dir:
//
// What the archive says of names, digests and sizes is hostile: digests decide, and nothing is
// looked for outside of it.

#include <memory>
#include <string>
#include <vector>

#include "engine/image/fetch_layers.h"
#include "engine/image/store_image.h"
#include "oci/layout/members.h"
#include "oci/platform.h"

namespace nau::engine {

struct ArchiveImage {
    ImageToStore image;
    /// Of this image's layers. Keeps the archive open.
    BlobReader read_blob;
};

/// @throws Error{corrupt}, {unsupported}; {not_found} when none of its images is for the platform
std::vector<ArchiveImage> read_archive_images(const std::shared_ptr<oci::Members>& members,
                                              const oci::Platform& platform,
                                              std::stop_token stop);

}  // namespace nau::engine
