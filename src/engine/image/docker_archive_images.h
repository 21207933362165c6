#pragma once

// The images of a docker-archive. It has no manifests and mostly no digests of layers: a layer is
// what the config's diffID says, and gets a manifest here, the same for the same archive. Internal
// to the engine.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/image/archive_images.h"

namespace nau::engine {

/// @param manifest the bytes of manifest.json
std::vector<ArchiveImage> read_docker_archive(const std::shared_ptr<oci::Members>& members,
                                              const std::string& manifest,
                                              const std::stop_token& stop);

/// Reads the blobs of these members; another one is Error{not_found}.
BlobReader blob_reader(std::map<oci::Digest, oci::Member> blobs);

}  // namespace nau::engine
