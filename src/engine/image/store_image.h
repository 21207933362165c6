#pragma once

// The last steps of every verb that makes an image of what is not in a registry (load, import,
// commit): documents into the content store, layers into snapshots, names into records, all of it
// kept by a lease until the records stand. Internal to the engine.
//
//   ImageLease ─▶ (blobs of our own making) ─▶ store_image(): documents ─▶ fetch_layers ─▶ records

#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/image/fetch_layers.h"
#include "engine/image/progress.h"
#include "oci/descriptor.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace nau::engine {

class Engine;

/// A lease of this process. It ends with its owner, also when the work has failed: there is no
/// download to resume.
class ImageLease {
  public:
    /// `purpose` is the beginning of its id: "load".
    ImageLease(Engine& engine, const std::string& purpose);
    ~ImageLease();
    ImageLease(const ImageLease&) = delete;
    ImageLease& operator=(const ImageLease&) = delete;
    ImageLease(ImageLease&&) = delete;
    ImageLease& operator=(ImageLease&&) = delete;

    const std::string& id() const noexcept { return id_; }
    /// Committed on return: blobs may be looked for, or published, afterwards.
    void add(std::span<const oci::Digest> blobs);

  private:
    Engine& engine_;
    std::string id_;
};

struct Document {
    oci::Descriptor descriptor;
    std::string bytes;
};

struct ImageToStore {
    oci::Descriptor target;           ///< what the names point to: the manifest, or an index
    std::vector<Document> documents;  ///< index if there is one, manifest, config; verified
    oci::Descriptor manifest_descriptor;
    oci::Manifest manifest;
    oci::ImageConfig config;
    std::vector<oci::Reference> names;  ///< empty: it stays without
    std::string action;                 ///< of the event: "load"
};

struct StoreImageOptions {
    /// Gives the layers that the store does not have. Empty: all are there.
    BlobReader read_blob = {};
    PullProgress* progress = nullptr;
};

/// @returns the image id
oci::Digest store_image(Engine& engine,
                        ImageLease& lease,
                        const ImageToStore& image,
                        const StoreImageOptions& options,
                        std::stop_token stop);

/// The media type of a layer in manifests of the other family; compression stays.
std::string layer_type_for(std::string_view manifest_type, const oci::Descriptor& layer);

/// A manifest of `layers` and the config, in the media types of `manifest_type`, with all that
/// store_image() wants to know of it but the names.
ImageToStore make_image(const oci::ImageConfig& config,
                        std::vector<oci::Descriptor> layers,
                        std::string_view manifest_type);

}  // namespace nau::engine
