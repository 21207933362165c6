#include "oci/media_type.h"

#include <algorithm>
#include <array>

#include "base/parse.h"

namespace nau::oci {

namespace {

struct LayerType {
    std::string_view media_type;
    Compression compression;
    bool distributable;
};

constexpr std::array kLayerTypes = {
    LayerType{media_type::kLayerGzip, Compression::gzip, true},
    LayerType{media_type::kDockerLayerGzip, Compression::gzip, true},
    LayerType{media_type::kLayerZstd, Compression::zstd, true},
    LayerType{media_type::kLayer, Compression::none, true},
    LayerType{media_type::kDockerLayer, Compression::none, true},
    LayerType{media_type::kDockerLayerZstd, Compression::zstd, true},
    LayerType{media_type::kLayerNondistributable, Compression::none, false},
    LayerType{media_type::kLayerNondistributableGzip, Compression::gzip, false},
    LayerType{media_type::kLayerNondistributableZstd, Compression::zstd, false},
    LayerType{media_type::kDockerForeignLayer, Compression::none, false},
    LayerType{media_type::kDockerForeignLayerGzip, Compression::gzip, false},
};

const LayerType* find_layer_type(std::string_view media_type) noexcept {
    const auto* found = std::find_if(kLayerTypes.begin(), kLayerTypes.end(), [&](const auto& type) {
        return type.media_type == media_type;
    });
    return found == kLayerTypes.end() ? nullptr : found;
}

}  // namespace

std::string_view to_string(Compression compression) noexcept {
    switch (compression) {
        case Compression::gzip:
            return "gzip";
        case Compression::zstd:
            return "zstd";
        case Compression::none:
            break;
    }
    return "none";
}

std::optional<Compression> layer_compression(std::string_view media_type) noexcept {
    const LayerType* type = find_layer_type(media_type);
    return type == nullptr ? std::nullopt : std::optional(type->compression);
}

bool is_index(std::string_view media_type) noexcept {
    return media_type == media_type::kImageIndex || media_type == media_type::kDockerManifestList;
}

bool is_manifest(std::string_view media_type) noexcept {
    return media_type == media_type::kImageManifest || media_type == media_type::kDockerManifest;
}

bool is_image_config(std::string_view media_type) noexcept {
    return media_type == media_type::kImageConfig || media_type == media_type::kDockerImageConfig;
}

bool is_layer(std::string_view media_type) noexcept {
    return find_layer_type(media_type) != nullptr;
}

bool is_nondistributable_layer(std::string_view media_type) noexcept {
    const LayerType* type = find_layer_type(media_type);
    return type != nullptr && !type->distributable;
}

std::string strip_media_type_parameters(std::string_view content_type) {
    return to_lower(trim(content_type.substr(0, content_type.find(';'))));
}

bool is_docker_schema1(std::string_view media_type) noexcept {
    return media_type == media_type::kDockerManifestV1 ||
           media_type == media_type::kDockerManifestV1Signed;
}

}  // namespace nau::oci
