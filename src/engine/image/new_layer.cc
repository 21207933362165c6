#include "engine/image/new_layer.h"

#include "engine/engine.h"
#include "oci/media_type.h"
#include "storage/store.h"

namespace nau::engine {

namespace {

std::string_view media_type_of(oci::Compression compression) noexcept {
    switch (compression) {
        case oci::Compression::none:
            return oci::media_type::kLayer;
        case oci::Compression::gzip:
            return oci::media_type::kLayerGzip;
        case oci::Compression::zstd:
            return oci::media_type::kLayerZstd;
    }
    return oci::media_type::kLayer;
}

}  // namespace

NewLayer::NewLayer(Engine& engine,
                   oci::Compression compression,
                   const oci::CompressOptions& options)
    : blob_(engine.store_for_writing().paths()),
      compression_(compression),
      compressor_(oci::make_compressor(
          compression, [this](std::span<const std::byte> bytes) { blob_.write(bytes); }, options)) {
}

oci::ByteSink NewLayer::sink() {
    return [this](std::span<const std::byte> bytes) {
        hasher_.update(bytes);
        compressor_->write(bytes);
    };
}

MadeLayer NewLayer::finish(ImageLease& lease) {
    compressor_->finish();
    const oci::Digest digest = blob_.finish();
    lease.add({&digest, 1});
    blob_.publish();
    return {.descriptor = {.media_type = std::string(media_type_of(compression_)),
                           .digest = digest,
                           .size_bytes = blob_.size_bytes()},
            .diff_id = oci::DiffId(hasher_.finish())};
}

}  // namespace nau::engine
