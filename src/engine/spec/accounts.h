#pragma once

// Lines for /etc/passwd and /etc/group that a container gets on top of its image's: for a user who
// is a number the image does not know, and for users of the host. Pure; podman's rules.
//
//   create: the lines are decided and recorded ─▶ each start: the files of the root file system,
//   and the lines, in the run directory ─▶ mounted over the two. The image's layers, and what
//   `diff` and `commit` see, stay as they are.

#include <string>
#include <string_view>
#include <vector>

#include "runtime/users.h"

namespace nau::engine {

/// --passwd, --passwd-entry, --group-entry, --hostuser.
struct AccountOptions {
    bool adds_entries = true;
    std::string passwd_entry;  ///< with $USERNAME $UID $GID $NAME $HOME; empty: podman's line
    std::string group_entry;   ///< with $GROUPNAME $GID $USERLIST
    std::vector<std::string> host_users;  ///< names or numbers
};

struct AccountInputs {
    const AccountOptions& options;
    std::string_view user;  ///< as it was asked for: "USER[:GROUP]"
    const runtime::ResolvedUser& resolved;
    std::string_view workdir;
    std::string_view passwd_text;       ///< the container's
    std::string_view group_text;        ///< the container's
    std::string_view host_passwd_text;  ///< of the host
};

struct AccountLines {
    std::string passwd;  ///< whole lines
    std::string group;
};

/// @throws Error{not_found} a user whom the host does not have, {invalid} an entry that is no line
AccountLines make_account_lines(const AccountInputs& inputs);

/// `text` with the lines behind it, whether or not it ends in a line end.
std::string append_lines(std::string text, std::string_view lines);

}  // namespace nau::engine
