#pragma once

// Where `nau cp` writes: a directory tree, reached by descriptors. Internal to cp.

#include <optional>
#include <string>
#include <string_view>

#include "engine/spec/user_namespace.h"
#include "oci/layer/layer_entry.h"
#include "sys/dir_fd.h"

namespace nau::engine {

struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
};

struct CopyRules {
    std::optional<Owner> owner;  ///< nullopt: as in the source
    bool overwrites = false;
    /// What the target makes of ids; empty: nothing.
    IdMappings uids = {};
    IdMappings gids = {};
};

/// One thing to write; `content` of a regular file is a descriptor, or comes by write_content().
struct CopyItem {
    mode_t mode = 0;  ///< type and permissions
    uid_t uid = 0;
    gid_t gid = 0;
    struct timespec modified = {};
    std::string link_target;
};

/// Makes `name` in the directory, in place of what is there if the rules allow, and returns it: a
/// regular file for writing, a directory for reading; nullopt for anything else, and for devices
/// and sockets, which are not copied. Nothing is followed.
/// @throws Error{invalid} for a directory in place of a file and the other way round
std::optional<sys::UniqueFd> make_item(int directory,
                                       const std::string& name,
                                       const CopyItem& item,
                                       const CopyRules& rules);

/// Owner, permissions and time, when the content is complete.
void finish_item(int directory,
                 const std::string& name,
                 const CopyItem& item,
                 const CopyRules& rules);

}  // namespace nau::engine
