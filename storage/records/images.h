#pragma once

// An image is a name for a descriptor, in a namespace. Moving the name makes what it named before
// unreachable, unless another name or a container still needs it: the collector's business.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "oci/descriptor.h"
#include "oci/digest.h"
#include "storage/db/database.h"
#include "storage/records/labels.h"

namespace nau::storage {

struct Image {
    std::string name_space = {};
    std::string name = {};  ///< canonical reference
    /// What the registry named: an index or a manifest. Annotations and the like are not kept.
    oci::Descriptor target;
    Time created = {};  ///< of this record
    Time updated = {};

    // What was found by following the target for the platform that was pulled, so that listings and
    // `run` need not parse it again. A cache: absent is allowed.
    std::optional<oci::Digest> manifest_digest = {};
    std::optional<oci::Digest> image_id = {};   ///< digest of the image config
    std::optional<oci::ChainId> chain_id = {};  ///< of all layers
    std::string platform = {};
    uint64_t size_bytes = 0;                 ///< of the layers as they were fetched
    std::optional<Time> image_created = {};  ///< what the image config says
    /// The image config's, for filters: shown, and never obeyed (CVE-2026-53488).
    Labels labels = {};
};

class Images {
  public:
    explicit Images(Database& db) : db_(db) {}

    /// Creates, or replaces all but `created`.
    void put(Transaction& tx, const Image& image);
    std::optional<Image> find(std::string_view name_space, std::string_view name);
    /// @throws Error{not_found}
    Image get(std::string_view name_space, std::string_view name);
    /// All names of the images whose id (or, with a full digest, whose target or manifest) begins
    /// so: `prefix` is hexadecimal digits, with or without "sha256:". Several different image ids:
    /// @throws Error{invalid} listing them
    std::vector<Image> find_by_id(std::string_view name_space, std::string_view prefix);
    /// Newest record first.
    std::vector<Image> list(std::string_view name_space);
    /// false when there was none.
    bool remove(Transaction& tx, std::string_view name_space, std::string_view name);

  private:
    Database& db_;
};

}  // namespace nau::storage
