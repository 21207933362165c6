#pragma once

// The file names and annotations of an OCI image layout (image-spec v1.1 image-layout.md), of the
// archives that build upon it, and of the directory that skopeo calls dir:.

#include <string>
#include <string_view>

#include "oci/descriptor.h"
#include "oci/digest.h"

namespace nau::oci::layout {

inline constexpr const char* kHeaderFile = "oci-layout";
inline constexpr const char* kIndexFile = "index.json";
/// Also the name of docker-archive's list of images.
inline constexpr const char* kManifestFile = "manifest.json";
inline constexpr const char* kRepositoriesFile = "repositories";
inline constexpr const char* kVersionFile = "version";
inline constexpr std::string_view kDirVersion = "Directory Transport Version: 1.1\n";

inline constexpr const char* kRefName = "org.opencontainers.image.ref.name";
/// Of containerd, docker and BuildKit: the whole name, where the former is only its tag.
inline constexpr const char* kImageName = "io.containerd.image.name";

/// "blobs/sha256/<hex>"
std::string blob_name(const Digest& digest);

std::string header_text();
/// @throws Error{corrupt}; Error{unsupported} for another version than 1
void check_header(std::string_view bytes);

}  // namespace nau::oci::layout
