#pragma once

// `nau push`: an image of the store into a registry, byte for byte as it was fetched, loaded or
// made, so that digests stay. Blobs that the registry has are not sent, those that another of its
// repositories has are mounted, the others go up several at a time, and the manifest last.

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/image/progress.h"
#include "engine/image/push_plan.h"
#include "engine/image/registry_flags.h"
#include "oci/digest.h"
#include "oci/reference.h"

namespace nau::engine {

class Engine;

struct PushOptions {
    std::string image;        ///< name or id
    std::string destination;  ///< [docker://]NAME; empty: the image's own name
    PushSelection selection = {};
    PushConversion conversion = {};
    unsigned max_concurrent_uploads = 0;  ///< blobs at a time; 0: by the number of processors
    RegistryFlags registry = {};
};

struct PushResult {
    oci::Reference reference;
    oci::Digest digest;  ///< of what the name means there now
};

/// `progress` may be null. @throws Error{not_found} no such image; {invalid} no destination;
/// {permission_denied}, {unsupported}, {unavailable}, {timed_out} of the registry; {interrupted}
PushResult push_image(Engine& engine,
                      const PushOptions& options,
                      PullProgress* progress,
                      std::stop_token stop);

/// What --all-tags means: the names that the repository has here. @throws Error{not_found} none
std::vector<std::string> list_local_tags(Engine& engine, const std::string& repository);

}  // namespace nau::engine
