#pragma once

// A layer of our own making on its way into the content store: tar bytes go in, a blob and its two
// digests come out. Internal to the engine.
//
//   sink() ─▶ diffID hash ─▶ compressor ─▶ BlobWriter ─▶ finish(): lease ─▶ publish

#include <memory>
#include <span>

#include "engine/image/store_image.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/compress.h"
#include "storage/content/blob_writer.h"

namespace nau::engine {

struct MadeLayer {
    oci::Descriptor descriptor;
    oci::DiffId diff_id;
};

class NewLayer {
  public:
    NewLayer(Engine& engine,
             oci::Compression compression,
             const oci::CompressOptions& options = {});

    /// Takes the tar. Borrows this.
    oci::ByteSink sink();
    /// Durable and kept by the lease on return.
    MadeLayer finish(ImageLease& lease);

  private:
    storage::BlobWriter blob_;
    oci::Hasher hasher_;
    oci::Compression compression_;
    std::unique_ptr<oci::Compressor> compressor_;
};

}  // namespace nau::engine
