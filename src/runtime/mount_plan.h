#pragma once

// The spec's mounts, in their order, as steps of the child.

#include "oci/runtime_spec.h"
#include "runtime/namespace_plan.h"
#include "runtime/plan.h"
#include "runtime/plan_builder.h"

namespace nau::runtime {

void plan_mounts(const oci::RuntimeSpec& spec,
                 const PlanOptions& options,
                 const HostFacts& facts,
                 const OwnNamespaces& own,
                 InitPlan& plan);

}  // namespace nau::runtime
