#pragma once

// `nau manifest`: lists (OCI indexes) of images for several platforms, made here and pushed as a
// whole. A list is an image record whose target is an index and that stands for no platform; each
// change makes a new index under the same name. Images are complete in the store before a list
// names them, so that it can be pushed at any time.

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/image/progress.h"
#include "engine/image/registry_flags.h"
#include "oci/digest.h"

namespace nau::engine {

class Engine;

/// What the list says of an image, where it is to be other than what the image says.
struct ListEntryOptions {
    std::string os = {};
    std::string arch = {};
    std::string variant = {};
    std::string os_version = {};
    std::vector<std::string> os_features = {};
    std::vector<std::string> annotations = {};  ///< "KEY=VALUE"
};

struct ListImages {
    std::vector<std::string> images;  ///< names or ids; [docker://]NAME of a registry
    bool is_all = false;              ///< of an index all it names, not the one for this machine
    ListEntryOptions entry = {};
    RegistryFlags registry = {};
};

/// @param is_amended add to a list that is there. @throws Error{already_exists}, {not_found} an
/// image. All return the digest of the new index.
oci::Digest create_list(Engine& engine,
                        const std::string& name,
                        bool is_amended,
                        const ListImages& images,
                        PullProgress* progress,
                        std::stop_token stop);
oci::Digest add_to_list(Engine& engine,
                        const std::string& name,
                        const ListImages& images,
                        PullProgress* progress,
                        std::stop_token stop);

/// @param entry digest, or an image of the store; empty: the annotations are the list's own
oci::Digest annotate_list(Engine& engine,
                          const std::string& name,
                          const std::string& entry,
                          const ListEntryOptions& options);

/// @throws Error{not_found} no such entry
oci::Digest remove_from_list(Engine& engine,
                             const std::string& name,
                             const std::vector<std::string>& digests);

bool list_exists(Engine& engine, const std::string& name);

/// The record's name. @throws Error{not_found}, {invalid} an image
std::string get_list(Engine& engine, const std::string& name);

/// The bytes of a list here, else of what a registry has under the name.
std::string read_list(Engine& engine,
                      const std::string& name,
                      const RegistryFlags& registry,
                      std::stop_token stop);

}  // namespace nau::engine
