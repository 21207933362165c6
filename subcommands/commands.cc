#include "subcommands/commands.h"

#include <array>

#include "subcommands/declarations.h"
#include "subcommands/registry/declarations.h"
#include "subcommands/system/metrics.h"
#include "subcommands/unit/unit_commands.h"

namespace nau::subcommands {

namespace {

using cli::CommandGroup;
using cli::CommandRow;
using cli::Listing;

// A command's first row is its home: man page and completion stand under that name.
constexpr std::array kRows = {
    CommandRow{"", "pull", &pull},
    CommandRow{"", "push", &push},
    CommandRow{"", "login", &login},
    CommandRow{"", "logout", &logout},
    CommandRow{"", "search", &search},
    CommandRow{"", "run", &run_command},
    CommandRow{"", "create", &create},
    CommandRow{"", "start", &start},
    CommandRow{"", "stop", &stop},
    CommandRow{"", "restart", &restart},
    CommandRow{"", "kill", &kill},
    CommandRow{"", "pause", &pause},
    CommandRow{"", "unpause", &unpause},
    CommandRow{"", "rename", &rename},
    CommandRow{"", "update", &update},
    CommandRow{"", "rm", &rm},
    CommandRow{"", "ps", &ps},
    CommandRow{"", "port", &port},
    CommandRow{"", "exec", &exec},
    CommandRow{"", "cp", &cp},
    CommandRow{"", "attach", &attach},
    CommandRow{"", "logs", &logs},
    CommandRow{"", "top", &top},
    CommandRow{"", "stats", &stats},
    CommandRow{"", "metrics", &metrics},
    CommandRow{"", "why", &why},
    CommandRow{"", "events", &events},
    CommandRow{"", "wait", &wait},
    CommandRow{"", "init", &init},
    CommandRow{"", "inspect", &inspect},
    CommandRow{"", "images", &images},
    CommandRow{"", "rmi", &rmi},
    CommandRow{"", "tag", &tag},
    CommandRow{"", "fsck", &fsck},
    CommandRow{"", "gc", &gc},
    CommandRow{"", "untag", &untag},
    CommandRow{"", "history", &history},
    CommandRow{"", "save", &save},
    CommandRow{"", "load", &load},
    CommandRow{"", "import", &import_command},
    CommandRow{"", "export", &export_command},
    CommandRow{"", "commit", &commit},
    CommandRow{"", "diff", &diff},
    CommandRow{"", "info", &info},
    CommandRow{"", "version", &version},
    CommandRow{"", "__commands", &dump_commands, Listing::hidden},

    CommandRow{"container", "attach", &attach},
    CommandRow{"container", "cleanup", &cleanup, Listing::hidden},
    CommandRow{"container", "cp", &cp},
    CommandRow{"container", "commit", &commit},
    CommandRow{"container", "create", &create},
    CommandRow{"container", "diff", &container_diff},
    CommandRow{"container", "exec", &exec},
    CommandRow{"container", "exists", &container_exists},
    CommandRow{"container", "export", &export_command},
    CommandRow{"container", "init", &init},
    CommandRow{"container", "inspect", &container_inspect},
    CommandRow{"container", "kill", &kill},
    CommandRow{"container", "logs", &logs},
    CommandRow{"container", "ls", &ps},
    CommandRow{"container", "list", &ps, Listing::alias},
    CommandRow{"container", "ps", &ps, Listing::alias},
    CommandRow{"container", "pause", &pause},
    CommandRow{"container", "port", &port},
    CommandRow{"container", "prune", &container_prune},
    CommandRow{"container", "rename", &rename},
    CommandRow{"container", "restart", &restart},
    CommandRow{"container", "rm", &rm},
    CommandRow{"container", "run", &run_command},
    CommandRow{"container", "start", &start},
    CommandRow{"container", "stats", &stats},
    CommandRow{"container", "stop", &stop},
    CommandRow{"container", "top", &top},
    CommandRow{"container", "unpause", &unpause},
    CommandRow{"container", "update", &update},
    CommandRow{"container", "wait", &wait},
    CommandRow{"container", "why", &why},

    CommandRow{"healthcheck", "run", &healthcheck_run},

    CommandRow{"image", "diff", &image_diff},
    CommandRow{"image", "exists", &image_exists},
    CommandRow{"image", "history", &history},
    CommandRow{"image", "import", &import_command},
    CommandRow{"image", "inspect", &image_inspect},
    CommandRow{"image", "load", &load},
    CommandRow{"image", "ls", &images},
    CommandRow{"image", "list", &images, Listing::alias},
    CommandRow{"image", "prune", &image_prune},
    CommandRow{"image", "pull", &pull},
    CommandRow{"image", "push", &push},
    CommandRow{"image", "rm", &rmi},
    CommandRow{"image", "remove", &rmi, Listing::alias},
    CommandRow{"image", "save", &save},
    CommandRow{"image", "search", &search},
    CommandRow{"image", "tag", &tag},
    CommandRow{"image", "tree", &image_tree},
    CommandRow{"image", "untag", &untag},

    CommandRow{"manifest", "create", &manifest_create},
    CommandRow{"manifest", "add", &manifest_add},
    CommandRow{"manifest", "annotate", &manifest_annotate},
    CommandRow{"manifest", "inspect", &manifest_inspect},
    CommandRow{"manifest", "push", &manifest_push},
    CommandRow{"manifest", "remove", &manifest_remove},
    CommandRow{"manifest", "rm", &manifest_rm},
    CommandRow{"manifest", "exists", &manifest_exists},

    CommandRow{"network", "check", &network_check},
    CommandRow{"network", "connect", &network_connect},
    CommandRow{"network", "create", &network_create},
    CommandRow{"network", "disconnect", &network_disconnect},
    CommandRow{"network", "exists", &network_exists},
    CommandRow{"network", "inspect", &network_inspect},
    CommandRow{"network", "ls", &network_ls},
    CommandRow{"network", "list", &network_ls, Listing::alias},
    CommandRow{"network", "prune", &network_prune},
    CommandRow{"network", "reload", &network_reload},
    CommandRow{"network", "rm", &network_rm},
    CommandRow{"network", "remove", &network_rm, Listing::alias},

    CommandRow{"volume", "create", &volume_create},
    CommandRow{"volume", "exists", &volume_exists},
    CommandRow{"volume", "export", &volume_export},
    CommandRow{"volume", "import", &volume_import},
    CommandRow{"volume", "inspect", &volume_inspect},
    CommandRow{"volume", "ls", &volume_ls},
    CommandRow{"volume", "list", &volume_ls, Listing::alias},
    CommandRow{"volume", "prune", &volume_prune},
    CommandRow{"volume", "rm", &volume_rm},
    CommandRow{"volume", "remove", &volume_rm, Listing::alias},

    CommandRow{"secret", "create", &secret_create},
    CommandRow{"secret", "exists", &secret_exists},
    CommandRow{"secret", "inspect", &secret_inspect},
    CommandRow{"secret", "ls", &secret_ls},
    CommandRow{"secret", "list", &secret_ls, Listing::alias},
    CommandRow{"secret", "rm", &secret_rm},

    CommandRow{"system", "check", &system_check},
    CommandRow{"runtime", "create", &runtime_create},
    CommandRow{"runtime", "start", &runtime_start},
    CommandRow{"runtime", "run", &runtime_run},
    CommandRow{"runtime", "state", &runtime_state},
    CommandRow{"runtime", "kill", &runtime_kill},
    CommandRow{"runtime", "delete", &runtime_delete},
    CommandRow{"runtime", "exec", &runtime_exec},
    CommandRow{"runtime", "ps", &runtime_ps},
    CommandRow{"runtime", "list", &runtime_list},
    CommandRow{"runtime", "pause", &runtime_pause},
    CommandRow{"runtime", "resume", &runtime_resume},
    CommandRow{"runtime", "update", &runtime_update},
    CommandRow{"runtime", "events", &runtime_events},
    CommandRow{"runtime", "spec", &runtime_spec},
    CommandRow{"runtime", "features", &runtime_features},

    CommandRow{"unit", "print", &unit_print},
    CommandRow{"unit", "install", &unit_install},
    CommandRow{"unit", "generate", &unit_generate},

    CommandRow{"system", "df", &system_df},
    CommandRow{"system", "gc", &gc},
    CommandRow{"system", "events", &events},
    CommandRow{"system", "boot", &system_boot},
    CommandRow{"system", "info", &info},
    CommandRow{"system", "metrics", &metrics},
    CommandRow{"system", "prune", &system_prune},
    CommandRow{"system", "upkeep", &upkeep, Listing::hidden},

    CommandRow{"content", "ls", &content_ls},
    CommandRow{"content", "get", &content_get},
    CommandRow{"content", "fetch", &content_fetch},
    CommandRow{"content", "rm", &content_rm},

    CommandRow{"snapshot", "ls", &snapshot_ls},
    CommandRow{"snapshot", "tree", &snapshot_tree},
    CommandRow{"snapshot", "mounts", &snapshot_mounts},
    CommandRow{"snapshot", "usage", &snapshot_usage},
    CommandRow{"snapshot", "rm", &snapshot_rm},

    CommandRow{"bundle", "create", &bundle_create},

    CommandRow{"namespace", "ls", &namespace_ls},
    CommandRow{"namespace", "create", &namespace_create},
    CommandRow{"namespace", "rm", &namespace_rm},

    CommandRow{"lease", "ls", &lease_ls},
    CommandRow{"lease", "rm", &lease_rm},
};

constexpr std::array kGroups = {
    CommandGroup{"container", "Manage containers"},
    CommandGroup{"healthcheck", "Check the health of containers"},
    CommandGroup{"image", "Manage images"},
    CommandGroup{"manifest", "Make and push lists of images for several platforms"},
    CommandGroup{"network", "Manage networks"},
    CommandGroup{"volume", "Manage volumes"},
    CommandGroup{"secret", "Manage secrets"},
    CommandGroup{"runtime", "Run bundles as an OCI runtime, for other engines"},
    CommandGroup{"unit", "Make services for systemd"},
    CommandGroup{"system", "Manage nau"},
    CommandGroup{"content", "Look at the blobs of the store"},
    CommandGroup{"snapshot", "Look at unpacked layers and file systems"},
    CommandGroup{"bundle", "Make bundles for OCI runtimes"},
    CommandGroup{"namespace", "Manage namespaces"},
    CommandGroup{"lease", "Look at what keeps content alive"},
};

constexpr cli::CommandTable kTable = {.rows = kRows, .groups = kGroups};

}  // namespace

const cli::CommandTable& commands() noexcept {
    return kTable;
}

}  // namespace nau::subcommands
