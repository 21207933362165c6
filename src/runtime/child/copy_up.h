#pragma once

// tmpcopyup: the files that a tmpfs will cover are copied into it first.

#include "runtime/child/context.h"

namespace nau::runtime::child {

void copy_up(Context& c, const MountStep& step, int mount) noexcept;

}  // namespace nau::runtime::child
