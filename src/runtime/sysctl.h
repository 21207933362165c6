#pragma once

// Which kernel parameters a container may set: those that are its own because their namespace is.
// Everything else would change the host (CVE-2022-0811).

#include <map>
#include <string>
#include <vector>

#include "runtime/plan.h"

namespace nau::runtime {

struct SysctlScope {
    bool ipc = false;
    bool network = false;
    bool uts = false;
    bool user = false;
    bool hostname_is_set = false;  ///< the spec's own member
    bool domainname_is_set = false;
};

/// @throws Error{invalid} naming the parameter: unknown, not namespaced, or not in this container's
/// namespaces; or a value that is no single line
std::vector<SysctlWrite> plan_sysctls(const std::map<std::string, std::string>& sysctls,
                                      const SysctlScope& scope);

}  // namespace nau::runtime
