#pragma once

// Writes to procfs: through the mount that this process has made, never by a path in the container.

#include "runtime/child/context.h"

namespace nau::runtime::child {

/// Descriptor for writing or -errno; what may be mounted over parts of the procfs is not entered.
int open_in_procfs(const Context& c, const char* path) noexcept;

/// `fd` is an open oom_score_adj, attr/… of this process, or -errno.
void set_oom_score(Context& c, int fd) noexcept;
void set_label(Context& c, int fd, const char* label) noexcept;

}  // namespace nau::runtime::child
