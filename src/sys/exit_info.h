#pragma once

// How a process has ended that somebody else has reaped: what pidfds tell since Linux 6.15.

#include <optional>

#include "sys/process.h"

namespace nau::sys {

/// The pidfd must have been opened before the process was reaped. nullopt: it lives, or the kernel
/// does not tell.
std::optional<ExitStatus> exit_status_of(int pidfd) noexcept;

}  // namespace nau::sys
