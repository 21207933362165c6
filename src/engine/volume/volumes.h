#pragma once

// The mounts a user asks for, settled: host paths checked, volumes named, recorded and filled.
// Internal to the engine.

#include <filesystem>
#include <string>
#include <vector>

#include "engine/container/container_config.h"
#include "engine/spec/create_options.h"
#include "engine/spec/spec_builder.h"
#include "oci/image_config.h"
#include "storage/store.h"
#include "sys/dir_fd.h"

namespace nau::engine {

class Engine;

/// The user's mounts and the image's volumes that he does not cover (as anonymous ones). Touches
/// nothing. @throws Error{not_found} a host path that does not exist, {invalid} two mounts at one
/// place
std::vector<ResolvedMount> resolve_mounts(Engine& engine,
                                          const CreateOptions& options,
                                          const oci::ContainerDefaults& defaults);

/// Rows for new volumes, and that this container uses them.
void record_volumes(Engine& engine,
                    storage::Transaction& tx,
                    const storage::ContainerId& container,
                    const std::vector<ResolvedMount>& mounts);

/// Makes the directories of new volumes and copies into them what the image has at that place; only
/// into volumes that were never used before (CVE-2020-1726).
void fill_volumes(Engine& engine,
                  const sys::DirFd& image_tree,
                  const std::vector<ResolvedMount>& mounts);

/// --mount type=glob: a bind mount of each match. @throws Error{not_found} when nothing matches
std::vector<MountRequest> expand_globs(const std::vector<MountRequest>& mounts);

/// The option U. @pre the volumes have been filled
void give_sources(const std::vector<ResolvedMount>& mounts,
                  const UserNamespace& users,
                  uint32_t uid,
                  uint32_t gid);

/// Overlays (O, type=image with rw) get their writable layers below `directory`.
void place_overlays(std::vector<ResolvedMount>& mounts, const std::filesystem::path& directory);
/// Before each start: what was written to them is gone.
void renew_overlays(const ContainerConfig& config);

/// Images that are mounted (type=image) keep their layers as long as the container exists: a lease
/// of this name holds them.
std::string layers_lease(const storage::ContainerId& container);
void keep_image_layers(Engine& engine,
                       storage::Transaction& tx,
                       const storage::ContainerId& container,
                       const std::vector<ResolvedMount>& mounts);

RecordedMount describe_mount(const ResolvedMount& mount);

/// Removes the anonymous volumes of a container that nobody else uses. @pre its record is gone
void remove_anonymous_volumes(Engine& engine, const ContainerConfig& config);

}  // namespace nau::engine
