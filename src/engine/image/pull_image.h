#pragma once

// `nau pull`: from a reference to an image record whose layers are unpacked (ARCHITECTURE: how pull
// reads).

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/image/fetch_layers.h"
#include "engine/image/progress.h"
#include "engine/image/registry_flags.h"
#include "engine/spec/create_options.h"
#include "oci/digest.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace nau::engine {

class Engine;

struct PullOptions {
    std::string reference;  ///< as typed
    std::string platform;   ///< "os/arch[/variant]"; empty: this machine's
    PullPolicy policy = PullPolicy::always;
    /// false: the blobs only; whoever runs the image first unpacks it.
    bool unpacks = true;
    RegistryFlags registry;
};

struct PullResult {
    oci::Reference reference;     ///< complete: registry, repository, tag or digest
    oci::Digest manifest_digest;  ///< of the platform's manifest
    oci::Digest image_id;         ///< of the image config
    bool was_present = false;     ///< nothing had to be fetched
};

/// Pulls one image. `progress` may be null. Cancelling by `stop` leaves a store in which the next
/// pull goes on.
/// @throws Error{not_found} unknown image, tag or platform; {unavailable} network; {corrupt} bytes
/// that
///         are not what their digest says; {interrupted} when stopped
PullResult pull_image(Engine& engine,
                      const PullOptions& options,
                      PullProgress* progress,
                      std::stop_token stop);

/// What --all-tags of a name without tag means: a reference for each tag of the repository.
/// @throws as pull_image; Error{invalid} when the name has a tag or digest
std::vector<std::string> list_remote_tags(Engine& engine,
                                          const PullOptions& options,
                                          std::stop_token stop);

/// The layers of a manifest with what the image config says of them, bottom first.
/// @throws Error{corrupt} when the two disagree
std::vector<LayerToFetch> pair_layers(const oci::Manifest& manifest,
                                      const oci::ImageConfig& config);

}  // namespace nau::engine
