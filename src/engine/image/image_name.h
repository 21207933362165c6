#pragma once

// Names of image records. Most are canonical references. An image that nobody has named (loaded,
// imported or committed without a name, or its last name taken away by `untag`) has a record under
// its id, "sha256:<hex>", which no reference can be, since a name that begins with "sha256:" is
// always read as an id. Such a record goes as soon as the image gets a name. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "oci/digest.h"
#include "oci/reference.h"

namespace nau::engine {

/// The record's name of an image without one.
std::string nameless_record(const oci::Digest& image_id);
bool is_nameless(std::string_view record_name) noexcept;
/// nullopt for an image without a name.
std::optional<oci::Reference> reference_of_record(const std::string& record_name);

/// What `nau images` shows.
struct ShownName {
    std::string repository;  ///< "docker.io/library/alpine", or "<none>"
    std::string tag;         ///< "3.20", or "<none>"
};
ShownName shown_name(const std::string& record_name);

/// What an archive calls an image, completed; a bare word stands below "localhost/", for nobody has
/// said that it is a registry's. nullopt: it is no name.
std::optional<oci::Reference> reference_from_archive(const std::string& name);

}  // namespace nau::engine
