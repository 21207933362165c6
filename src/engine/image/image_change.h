#pragma once

// --change of commit and import: an instruction as a Containerfile has it, applied to what an image
// says of its containers. Pure.
//
//   CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK NONE LABEL ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR

#include <string>
#include <string_view>
#include <vector>

#include "oci/image_config.h"

namespace nau::engine {

/// "CMD sleep 10", 'CMD ["sleep", "10"]', "CMD=sleep 10" (podman's form), "env A=1 B=\"x y\"".
/// @throws Error{invalid} naming the instruction
void apply_change(oci::ContainerDefaults& config, std::string_view change);
void apply_changes(oci::ContainerDefaults& config, const std::vector<std::string>& changes);

}  // namespace nau::engine
