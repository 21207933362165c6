#pragma once

// User namespaces of containers: which ids they have outside, and ranges that no two of them share.
// On disk ids are always those inside: trees and volumes are mounted with the container's id maps,
// so that nothing is ever copied or given away.

#include <string>

#include "engine/spec/spec_builder.h"
#include "engine/spec/user_namespace.h"
#include "storage/store.h"

namespace nau::engine {

class Engine;

/// @throws Error{not_found}, {invalid}, {unavailable} when all ranges are taken
UserNamespace resolve_user_namespace(Engine& engine,
                                     const storage::ContainerId& id,
                                     const UserNamespaceOptions& options);

/// Its range is free again. Idempotent.
void release_user_namespace(storage::Store& store, const storage::ContainerId& id) noexcept;

/// The files that nau has just made for the container (hosts and its kin, secrets) belong to ids
/// inside. @param run_directory the container's
void give_files_to_namespace(const std::string& run_directory, const UserNamespace& name_space);

}  // namespace nau::engine
