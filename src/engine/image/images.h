#pragma once

// Finding, listing, naming and removing images (records; their bytes go when nothing refers to
// them).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "oci/digest.h"
#include "oci/image_config.h"
#include "oci/manifest.h"

namespace nau::storage {
struct Image;
}

namespace nau::engine {

class Engine;

/// An image that is complete for one platform.
struct ResolvedImage {
    std::string name;           ///< canonical reference of the record it was found by
    oci::Digest target_digest;  ///< what the name points to: index or manifest
    oci::Digest manifest_digest;
    oci::Digest image_id;                  ///< digest of the config
    std::optional<oci::ChainId> chain_id;  ///< of all layers; absent: the image has none
    oci::Manifest manifest;
    oci::ImageConfig config;
};

/// The record alone, by the same words as find_image(), of this store or of an additional one; what
/// it names may be damaged or gone.
/// @throws Error{invalid} when a prefix matches several
std::optional<storage::Image> find_image_record(Engine& engine, const std::string& name_or_id);

/// All names of an image, those in additional stores included.
std::vector<storage::Image> find_image_names(Engine& engine, const oci::Digest& image_id);

/// The graph root of the additional store in which an image without record of its own here lies.
/// nullopt: it is the own store's.
std::optional<std::string> read_only_store_of(Engine& engine, const storage::Image& record);
/// @throws Error{permission_denied} when it is not the own store's
void require_own(Engine& engine, const storage::Image& record, const std::string& name_or_id);

/// By reference, "sha256:<hex>" or unique prefix of an id (three digits or more).
/// @throws Error{invalid} when a prefix matches several
std::optional<ResolvedImage> find_image(Engine& engine,
                                        const std::string& name_or_id,
                                        const std::string& platform = {});
/// @throws Error{not_found} naming the image, with a hint
ResolvedImage get_image(Engine& engine,
                        const std::string& name_or_id,
                        const std::string& platform = {});

/// Whether all layers of the image are unpacked and can be mounted.
bool is_unpacked(Engine& engine, const ResolvedImage& image);

/// Unpacks what is missing (a power cut took it) from the blobs in the store.
/// @throws Error{not_found} when a blob is missing too
void ensure_unpacked(Engine& engine, const ResolvedImage& image);

/// The same by manifest and image config, for what has no name (any more).
void unpack_layers(Engine& engine, const oci::Digest& manifest, const oci::Digest& image_id);

struct ImageSummary {
    std::string id;           ///< hex of the config digest
    std::string digest;       ///< of what the name points to
    std::string repository;   ///< "docker.io/library/alpine"; "<none>" without a name
    std::string tag;          ///< "3.20"; "<none>"
    Time created;             ///< from the image config
    uint64_t size_bytes = 0;  ///< unpacked layers
    std::map<std::string, std::string> labels;
    uint64_t container_count = 0;
    std::string read_only_store = {};  ///< the additional store it lies in; empty: the own one
};

/// Newest first. Takes no lock that a pull holds.
std::vector<ImageSummary> list_own_images(Engine& engine);
/// And then those of additional stores.
std::vector<ImageSummary> list_images(Engine& engine);

struct RemovedImage {
    std::vector<std::string> untagged;  ///< canonical references
    std::vector<std::string> deleted;   ///< "sha256:<hex>" of images whose last name went
};

/// Removes one name, or (by id) all names of an image; its content goes with the last name, in the
/// background, except for what a container needs. docker's rules: without force, an image with
/// several names is not removed by its id, and the last name not while a container uses the image;
/// by its id it is not removed at all while a container runs from it. Containers stay.
/// @throws Error{not_found}, {in_use} naming a container
RemovedImage remove_image(Engine& engine, const std::string& name_or_id, bool is_forced);

/// --rmi: as remove_image, but an image that is used or gone already is left in peace.
void remove_image_if_unused(Engine& engine, const std::string& name);

/// Gives an image a further name. @throws Error{not_found}, {invalid}
void tag_image(Engine& engine, const std::string& name_or_id, const std::string& new_name);

/// Takes `names` from the image, all of them if there is none. It stays, if need be without a name.
/// @throws Error{not_found} the image, or a name that is not the image's
void untag_image(Engine& engine,
                 const std::string& name_or_id,
                 const std::vector<std::string>& names);

}  // namespace nau::engine
