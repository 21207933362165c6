#pragma once

// gzip on several threads behind Compressor. Internal to oci/layer.

#include <memory>

#include "oci/layer/compress.h"

namespace nau::oci {

/// @param threads 0: by the number of processors
std::unique_ptr<Compressor> make_gzip_compressor(ByteSink sink, int level, unsigned threads);

}  // namespace nau::oci
