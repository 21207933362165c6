// What a container's /etc/passwd and /etc/group say beyond its image.

#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

void declare_account_flags(cli::FlagSet& flags, engine::AccountOptions& accounts) {
    flags
        .toggle("--passwd",
                "Add a user who is a number that the container does not know to its /etc/passwd",
                accounts.adds_entries)
        .explain("The group likewise to /etc/group. The image, diff and commit see none of it.");
    flags.value("--passwd-entry", "LINE", "Add the user by this line", accounts.passwd_entry)
        .explain("$USERNAME, $UID, $GID, $NAME and $HOME stand for the user's.");
    flags.value("--group-entry", "LINE", "Add the group by this line", accounts.group_entry)
        .explain("$GROUPNAME, $GID and $USERLIST stand for the group's.");
    flags.list("--hostuser",
               "USER",
               "Add a user of the host, by name or number, to /etc/passwd",
               accounts.host_users);
}

}  // namespace nau::subcommands
