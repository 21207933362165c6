#pragma once

// A manifest lists an image's config and layers, an index lists manifests for several platforms.
// Both come from strangers. The parsers take the bytes (whose digest the caller has verified) and
// the media type under which they were delivered, and refuse bytes that could be read in two ways:
// a manifest that is an index as well (CVE-2021-41190), a media type inside that contradicts the
// one outside. image-spec v1.1 manifest.md and image-index.md, and Docker's image manifest
// version 2 schema 2.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/descriptor.h"

namespace nau::oci {

/// Larger manifests and indexes are refused; registries have the same limit.
inline constexpr size_t kMaxManifestBytes = size_t{4} << 20U;

struct Manifest {
    /// The media type under which it was delivered; never empty.
    std::string media_type;
    std::string artifact_type = {};
    Descriptor config;
    std::vector<Descriptor> layers = {};
    std::optional<Descriptor> subject = {};
    Annotations annotations = {};
    int schema_version = 2;

    bool operator==(const Manifest&) const = default;
};

struct Index {
    /// The media type under which it was delivered; never empty.
    std::string media_type;
    std::string artifact_type = {};
    std::vector<Descriptor> manifests = {};
    std::optional<Descriptor> subject = {};
    Annotations annotations = {};
    int schema_version = 2;

    bool operator==(const Index&) const = default;
};

/// `media_type` is the descriptor's or the registry's word; when empty it is detected.
/// @throws Error{corrupt} when the bytes are no such manifest, Error{unsupported} for schema 1
Manifest parse_manifest(std::string_view bytes, std::string_view media_type);
/// @throws as parse_manifest
Index parse_index(std::string_view bytes, std::string_view media_type);

/// The media type that the document itself declares, or the one its members imply; for registries
/// and files that come without one. @throws as parse_manifest
std::string detect_media_type(std::string_view bytes);

// The exact bytes to store and to take the digest of: compact, members in the order of their names.
std::string to_json_text(const Manifest& manifest);
std::string to_json_text(const Index& index);

}  // namespace nau::oci
