#include "oci/media_type.h"

#include <doctest/doctest.h>

using nau::oci::Compression;
namespace mt = nau::oci::media_type;

TEST_CASE("media types tell what they are") {
    enum class What { index, manifest, config, layer, foreign_layer, schema1, other };
    struct Row {
        std::string_view media_type;
        What what;
        std::optional<Compression> compression;
    };
    const Row rows[] = {
        {"application/vnd.oci.image.index.v1+json", What::index, {}},
        {"application/vnd.docker.distribution.manifest.list.v2+json", What::index, {}},
        {"application/vnd.oci.image.manifest.v1+json", What::manifest, {}},
        {"application/vnd.docker.distribution.manifest.v2+json", What::manifest, {}},
        {"application/vnd.oci.image.config.v1+json", What::config, {}},
        {"application/vnd.docker.container.image.v1+json", What::config, {}},
        {"application/vnd.oci.image.layer.v1.tar", What::layer, Compression::none},
        {"application/vnd.oci.image.layer.v1.tar+gzip", What::layer, Compression::gzip},
        {"application/vnd.oci.image.layer.v1.tar+zstd", What::layer, Compression::zstd},
        {"application/vnd.docker.image.rootfs.diff.tar", What::layer, Compression::none},
        {"application/vnd.docker.image.rootfs.diff.tar.gzip", What::layer, Compression::gzip},
        {"application/vnd.docker.image.rootfs.diff.tar.zstd", What::layer, Compression::zstd},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar",
         What::foreign_layer,
         Compression::none},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
         What::foreign_layer,
         Compression::gzip},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
         What::foreign_layer,
         Compression::zstd},
        {"application/vnd.docker.image.rootfs.foreign.diff.tar",
         What::foreign_layer,
         Compression::none},
        {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
         What::foreign_layer,
         Compression::gzip},
        {"application/vnd.docker.distribution.manifest.v1+json", What::schema1, {}},
        {"application/vnd.docker.distribution.manifest.v1+prettyjws", What::schema1, {}},
        {"application/vnd.oci.image.layer.v1.tar+lz4", What::other, {}},
        {"application/json", What::other, {}},
        {"", What::other, {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.media_type);
        CHECK(nau::oci::is_index(row.media_type) == (row.what == What::index));
        CHECK(nau::oci::is_manifest(row.media_type) == (row.what == What::manifest));
        CHECK(nau::oci::is_image_config(row.media_type) == (row.what == What::config));
        CHECK(nau::oci::is_layer(row.media_type) ==
              (row.what == What::layer || row.what == What::foreign_layer));
        CHECK(nau::oci::is_nondistributable_layer(row.media_type) ==
              (row.what == What::foreign_layer));
        CHECK(nau::oci::is_docker_schema1(row.media_type) == (row.what == What::schema1));
        CHECK(nau::oci::layer_compression(row.media_type) == row.compression);
    }
}

TEST_CASE("parameters and case of a content type do not count") {
    CHECK(nau::oci::strip_media_type_parameters(" Application/JSON ; charset=UTF-8") ==
          "application/json");
    CHECK(nau::oci::strip_media_type_parameters("") == "");
    CHECK(nau::oci::strip_media_type_parameters(mt::kImageIndex) == mt::kImageIndex);
}
