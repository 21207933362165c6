#pragma once

// From a runtime spec to an InitPlan: pure, so that it is tested as data. What it must know of the
// machine is handed in. Errors name the member of the spec.

#include <string>

#include "oci/runtime_spec.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/plan.h"

namespace nau::runtime {

/// What a plan depends on besides the spec.
struct HostFacts {
    unsigned last_capability = 40;
    /// For mounts of type "cgroup".
    cgroup::Layout cgroup_layout;
    /// The task's group in it; only used when it has no cgroup namespace of its own.
    std::string cgroup_path;
};

struct PlanOptions {
    std::string id;
    /// Where relative paths of the spec begin; absolute, or empty: they are refused.
    std::string bundle;
    bool init = false;
};

/// @throws Error{invalid} naming the member; Error{unsupported} for what nau does not do
InitPlan build_init_plan(const oci::RuntimeSpec& spec,
                         const PlanOptions& options,
                         const HostFacts& facts);

/// The part that an exec session shares; `spec` supplies the seccomp filter.
ProcessPlan build_process_plan(const oci::spec::Process& process,
                               const oci::RuntimeSpec& spec,
                               const HostFacts& facts);

/// "/a//b/./c/" → "a/b/c"; ".." is resolved as text, and never leaves the root. Used for paths in
/// the container, which the kernel resolves inside the root anyway.
std::string clean_container_path(std::string_view path);

}  // namespace nau::runtime
