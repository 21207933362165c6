#pragma once

// Ranges of ids that containers have outside of their user namespaces. No two containers have the
// same one as long as they exist.
//
//   <graph root>/userns/<first id>          symbolic link, to the id of the container that has it
//   <graph root>/userns/<container id>      symbolic link, to the first id

#include <cstdint>
#include <optional>
#include <vector>

#include "storage/container_id.h"
#include "storage/paths.h"

namespace nau::storage {

/// The first of `candidates` that is free, beginning at one by chance; now the container's. nullopt
/// when all are taken. @throws SysError
std::optional<uint32_t> take_ids(const Paths& paths,
                                 const ContainerId& container,
                                 const std::vector<uint32_t>& candidates);

/// Idempotent. @throws SysError
void release_ids(const Paths& paths, const ContainerId& container);

}  // namespace nau::storage
