#pragma once

// Brings the layers of one image into the store: downloads the blobs that are missing and unpacks
// those whose snapshot is missing, several at a time, each unpacked while it is still coming.
//
//   for each layer, in threads:   registry ─▶ ingest file ─▶ verify, publish (durable)
//                                                └─ reader ─▶ apply_layer ─▶ diffID
//   calling thread, bottom up:    diffID = the config's? ─▶ commit the snapshot under its chainID
//
// The database belongs to the calling thread. Layers that are finished stay when another one fails.

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/image/progress.h"
#include "oci/descriptor.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/registry/client.h"

namespace nau::engine {

class Engine;

struct LayerToFetch {
    oci::Descriptor descriptor;
    oci::DiffId diff_id;
    oci::ChainId chain_id;  ///< of this layer and all below it
};

/// Gives the bytes of a blob from `offset` on to `sink`, all of them: what an archive is to `load`.
/// Called from several threads at once. @throws what the sink throws, Error{interrupted}
using BlobReader = std::function<void(const oci::Descriptor& blob,
                                      uint64_t offset,
                                      const std::function<void(std::span<const std::byte>)>& sink,
                                      const std::stop_token& stop)>;

struct FetchLayersRequest {
    oci::Reference repository;
    std::span<const LayerToFetch> layers;  ///< all of the image, bottom first
    std::string lease;  ///< keeps what is fetched alive until the image refers to it
    /// Null: nothing can be downloaded; a blob that is missing is Error{not_found}.
    oci::RegistryClient* client = nullptr;
    PullProgress* progress = nullptr;
    unsigned max_concurrent = 0;  ///< layers at a time; 0: by the configuration
    /// Where missing blobs come from when it is not the client.
    BlobReader read_blob = {};
    /// false: blobs only.
    bool unpacks = true;
};

/// @returns whether anything had to be done
/// @throws Error{corrupt} bytes that are not what was announced, and what client and store throw;
///         Error{interrupted} when stopped
bool fetch_layers(Engine& engine, const FetchLayersRequest& request, std::stop_token stop);

}  // namespace nau::engine
