#pragma once

// What a push has to send: manifests in an order in which a registry takes them, and the blobs that
// they name. Internal to the engine.
//
//   record ─▶ manifest, or an index with all below it ─▶ packed anew, if asked for ─▶ PushPlan
//
// What the store does not have (other platforms of an index) comes from where the image came from.

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/image/registry_flags.h"
#include "engine/image/store_image.h"
#include "oci/descriptor.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "oci/reference.h"
#include "oci/registry/client.h"

namespace nau::storage {
struct Image;
}

namespace nau::engine {

class Engine;

/// How much of an image that is there for several platforms.
struct PushSelection {
    /// The index with all that it names. A list that was made here always goes as a whole.
    bool is_all = false;
    std::string platform = {};  ///< "os/arch[/variant]"; empty: the one that was pulled
};

enum class ManifestFamily { oci, docker };

/// What is changed on the way; nothing by default.
struct PushConversion {
    std::optional<ManifestFamily> family = {};
    /// Layers that are packed in another way are packed anew.
    std::optional<oci::Compression> compression = {};
    std::optional<int> compression_level = {};
    bool is_forced = false;  ///< --force-compression: what is done anyway

    bool is_needed() const noexcept { return family || compression; }
};

/// Where the image came from: other names of it, whose registries have what is not here. May be
/// used from several threads.
class ImageOrigin {
  public:
    ImageOrigin(Engine& engine,
                const storage::Image& record,
                const RegistryFlags& flags,
                std::stop_token stop);

    /// A manifest of the store, fetched first if need be. @throws Error{not_found}
    std::string read_manifest(const oci::Descriptor& descriptor);
    /// Does nothing when the blob is here. @throws Error{not_found}
    void ensure_blob(const oci::Descriptor& descriptor);
    /// @throws Error{interrupted}
    void check_stop() const;

  private:
    template <typename Action>
    auto at_any(const oci::Descriptor& descriptor, Action action);
    oci::RegistryClient& client();

    Engine& engine_;
    RegistryFlags flags_;
    std::stop_token stop_;
    std::vector<oci::Reference> names_;
    std::once_flag once_;
    std::unique_ptr<oci::RegistryClient> client_;
};

struct PushPlan {
    /// The last is what the name is to mean.
    std::vector<Document> manifests;
    /// Each once.
    std::vector<oci::Descriptor> blobs;
};

/// @param lease keeps all of it for as long as the push goes on
PushPlan plan_push(Engine& engine,
                   const storage::Image& record,
                   const PushSelection& selection,
                   const PushConversion& conversion,
                   ImageOrigin& origin,
                   ImageLease& lease);

}  // namespace nau::engine
