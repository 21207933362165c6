#pragma once

// Hands the listener of a filter with SCMP_ACT_NOTIFY to the agent that answers for its calls
// (runtime-spec, config-linux.md, "The Container Process State").

#include "runtime/hooks.h"
#include "runtime/seccomp.h"
#include "sys/unique_fd.h"

namespace nau::runtime {

/// Connects to filter.listener_path and sends one message: the state of the container process, with
/// the descriptor. `pid` is the process that the filter is on.
/// @throws Error naming the member
void send_seccomp_listener(const SeccompFilter& filter,
                           const ContainerState& state,
                           pid_t pid,
                           sys::UniqueFd listener);

}  // namespace nau::runtime
