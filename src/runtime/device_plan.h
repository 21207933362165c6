#pragma once

// Device nodes and links of /dev: the spec's own and those that every container has.

#include "oci/runtime_spec.h"
#include "runtime/namespace_plan.h"
#include "runtime/plan.h"

namespace nau::runtime {

/// @pre the mounts are planned
void plan_dev(const oci::RuntimeSpec& spec, const OwnNamespaces& own, InitPlan& plan);

}  // namespace nau::runtime
