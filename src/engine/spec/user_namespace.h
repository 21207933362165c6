#pragma once

// What --userns, --uidmap and their kin ask for, as data. Pure.
//
//   nothing, host        the host's
//   private              a new one: of --uidmap, --gidmap, --subuidname, or else as auto
//   auto[:size=N]        a new one with a range of ids that no other container has
//   keep-id              a new one in which all ids are as outside (its meaning for root)
//   container:NAME       that of another container
//   ns:PATH              one that a file leads to

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/runtime_spec.h"

namespace nau::engine {

using IdMappings = std::vector<oci::spec::IdMapping>;

struct UserNamespaceOptions {
    std::string mode;  ///< as above; empty: the host's, unless maps are given
    uint32_t size = 65536;
    IdMappings uids;
    IdMappings gids;
    std::string subuid_name;  ///< whose ranges in /etc/subuid
    std::string subgid_name;
};

/// Sets mode and size. @throws Error{invalid}, {unsupported}
void apply_userns_flag(std::string_view text, UserNamespaceOptions& options);

/// "INSIDE:OUTSIDE[:COUNT]". @throws Error{invalid}, {unsupported} for podman's extensions
oci::spec::IdMapping parse_id_map_flag(std::string_view text);

/// Flags that exclude each other. @throws Error{invalid}
void check_user_namespace(const UserNamespaceOptions& options);

/// The ranges of a user in the text of /etc/subuid, from 0 inside on.
IdMappings subordinate_ids(std::string_view text, std::string_view user);

/// The id outside; nullopt: it has none.
std::optional<uint32_t> map_id(const IdMappings& mappings, uint32_t id) noexcept;

}  // namespace nau::engine
