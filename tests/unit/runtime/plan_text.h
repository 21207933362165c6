#pragma once

#include <string>

#include "runtime/plan.h"

namespace nau::test {

/// A plan as lines that people can read and compare.
std::string plan_text(const runtime::InitPlan& plan);

}  // namespace nau::test
