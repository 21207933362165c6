#pragma once

// The media types of OCI images and of Docker's image format, version 2 schema 2, and what may be
// told from them. A media type is a claim of whoever wrote the descriptor: parsers check it against
// the content.

#include <optional>
#include <string>
#include <string_view>

namespace nau::oci {

namespace media_type {

inline constexpr std::string_view kImageIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kImageManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kImageConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kEmptyJson = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view kLayoutHeader = "application/vnd.oci.layout.header.v1+json";
inline constexpr std::string_view kLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kLayerNondistributable =
    "application/vnd.oci.image.layer.nondistributable.v1.tar";
inline constexpr std::string_view kLayerNondistributableGzip =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
inline constexpr std::string_view kLayerNondistributableZstd =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";

inline constexpr std::string_view kDockerManifestList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerImageConfig =
    "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerLayerGzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kDockerLayerZstd =
    "application/vnd.docker.image.rootfs.diff.tar.zstd";
inline constexpr std::string_view kDockerForeignLayer =
    "application/vnd.docker.image.rootfs.foreign.diff.tar";
inline constexpr std::string_view kDockerForeignLayerGzip =
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

// Schema 1 is known only to be refused by name.
inline constexpr std::string_view kDockerManifestV1 =
    "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view kDockerManifestV1Signed =
    "application/vnd.docker.distribution.manifest.v1+prettyjws";

}  // namespace media_type

enum class Compression { none, gzip, zstd };

/// "none", "gzip" or "zstd".
std::string_view to_string(Compression compression) noexcept;

/// How the layer's tar is packed; nullopt when the media type is not that of a layer.
std::optional<Compression> layer_compression(std::string_view media_type) noexcept;

bool is_index(std::string_view media_type) noexcept;
bool is_manifest(std::string_view media_type) noexcept;
bool is_image_config(std::string_view media_type) noexcept;
bool is_layer(std::string_view media_type) noexcept;
/// A layer that may not be pushed and may be fetched from the descriptor's urls.
bool is_nondistributable_layer(std::string_view media_type) noexcept;
/// Docker's manifests of schema version 1, signed or not.
bool is_docker_schema1(std::string_view media_type) noexcept;

/// The type without parameters, in lower case: "Text/Plain; charset=x" gives "text/plain".
std::string strip_media_type_parameters(std::string_view content_type);

}  // namespace nau::oci
