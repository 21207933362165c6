#pragma once

// Id maps: of a new user namespace, and as user namespaces of their own for id-mapped mounts.

#include <string>
#include <sys/types.h>
#include <vector>

#include "oci/runtime_spec.h"
#include "runtime/plan.h"
#include "sys/unique_fd.h"

namespace nau::runtime {

/// Of a process that is alone in a new user namespace. `member` is for errors.
void write_id_maps(pid_t pid,
                   const std::vector<oci::spec::IdMapping>& uids,
                   const std::vector<oci::spec::IdMapping>& gids,
                   const std::string& member);

/// A user namespace that exists for its maps: what mount_setattr(MOUNT_ATTR_IDMAP) takes.
/// @pre the caller is single-threaded
sys::UniqueFd make_mapping_namespace(const IdMap& map);

sys::UniqueFd make_mapping_namespace(const std::string& uid_map,
                                     const std::string& gid_map,
                                     const std::string& member);

/// As /proc/<pid>/uid_map takes it.
std::string id_map_text(const std::vector<oci::spec::IdMapping>& mappings);

/// A network namespace that belongs to a user namespace, so that root there may change it: of a new
/// one with these maps, or of one that exists. The user namespace lives as long as the network's
/// (NS_GET_USERNS finds it). @pre the caller is single-threaded
sys::UniqueFd make_network_namespace(const IdMap& map);
sys::UniqueFd make_network_namespace_in(int user_namespace_fd);

/// The maps of a user namespace, as its /proc/<pid>/uid_map and gid_map tell them to the caller.
/// @pre the caller is single-threaded. @throws SysError
IdMap read_id_maps(int user_namespace_fd);

}  // namespace nau::runtime
