#pragma once

// exec: one more process in a running container, from a "process" object or from the container's
// own with changes.

#include <optional>
#include <string>
#include <vector>

#include "engine/oci_runtime/start_process.h"

namespace nau::engine::oci_runtime {

struct ExecOptions {
    std::string root;
    std::string id;
    ProcessIo io;
    std::string process_file;  ///< a "process" object; then only `io` and `cgroup` matter besides

    std::vector<std::string> args;
    std::vector<std::string> env;
    std::string cwd;
    std::string user;  ///< "uid[:gid]", or names of the container
    std::vector<uint32_t> additional_gids;
    std::vector<std::string> capabilities;
    std::optional<std::string> apparmor_profile;
    std::optional<std::string> selinux_label;
    bool no_new_privileges = false;
    bool has_terminal = false;
    /// Below the container's own group.
    std::string cgroup;
    bool ignores_pause = false;
    bool is_subreaper = false;
};

/// The command's status as a shell tells it; 0 when detached.
/// @throws Error{not_found}; Error{invalid} when the container does not run; runtime::LaunchError
int exec_process(const ExecOptions& options);

}  // namespace nau::engine::oci_runtime
