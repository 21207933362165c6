#pragma once

// What a step and its object are called in an error: the plan gives the numbers of a message their
// names.

#include <cstdint>
#include <string>

#include "runtime/launch.h"
#include "runtime/plan.h"

namespace nau::runtime {

/// "mounts[3]: mount tmpfs on /dev/shm"
std::string describe_step(const InitPlan& plan, Step step, uint32_t object);

}  // namespace nau::runtime
