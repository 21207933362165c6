#pragma once

// The own binary in a form that a container cannot write to (CVE-2019-5736). Whatever process of
// nau may ever be seen from inside a container is executed from this descriptor: through
// /proc/<pid>/exe a container finds a read-only detached mount of the binary, or a sealed copy in
// memory, never the file on the host.

#include "sys/unique_fd.h"

namespace nau::runtime {

/// For spawn() with SpawnOptions::executable_fd, or execveat(). Costs some 20 µs where the kernel
/// can clone mounts (Linux ≥ 5.12), a copy of the binary otherwise. The same file is handed out
/// when this process itself already runs from a protected one. @throws SysError
sys::UniqueFd open_protected_self();

/// Whether this process was itself executed from such a descriptor.
bool is_self_protected();

}  // namespace nau::runtime
