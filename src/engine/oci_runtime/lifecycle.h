#pragma once

// start, kill, pause, resume: verbs on one container that exists.

#include <string>

namespace nau::engine::oci_runtime {

/// Lets the process that create has left at the FIFO go on; returns when it has executed its
/// command. @throws Error{not_found}; Error{invalid} when it is not `created`
void start_container(const std::string& root, const std::string& id);

struct KillOptions {
    int signal = 15;
    bool to_all = false;  ///< every process of the container, also when its first one has ended
};
/// @throws Error{not_found}; Error{invalid} when it does not run
void kill_container(const std::string& root, const std::string& id, const KillOptions& options);

/// @throws Error{not_found}; Error{invalid} when it does not run; Error{unsupported} without a
/// group
void pause_container(const std::string& root, const std::string& id);
/// @throws Error{not_found}; Error{invalid} when it is not paused
void resume_container(const std::string& root, const std::string& id);

}  // namespace nau::engine::oci_runtime
