#pragma once

// create: a bundle becomes a container whose first process is complete but for its execve, waiting
// at a FIFO for start. run: the same and started, watched to its end unless it is detached.

#include <string>

#include "engine/oci_runtime/start_process.h"

namespace nau::engine::oci_runtime {

struct CreateOptions {
    std::string root;
    std::string id;
    std::string bundle;  ///< empty: the working directory
    ProcessIo io;
    bool keeps_keyring = false;  ///< --no-new-keyring
    bool by_systemd = false;     ///< --systemd-cgroup
};

struct RunOptions {
    CreateOptions create;
    bool keeps_container = false;  ///< --keep: the container stays when it has ended
    bool is_subreaper = true;      ///< of what the container leaves behind when it ends
};

/// Returns when the container is `created`; nobody has to stay with it. A failure leaves nothing.
/// @throws Error{already_exists, invalid, …}; runtime::LaunchError
void create_container(const CreateOptions& options);

/// The command's status as a shell tells it; 0 when detached.
/// @throws as create_container()
int run_container(const RunOptions& options);

}  // namespace nau::engine::oci_runtime
