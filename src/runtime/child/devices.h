#pragma once

// Device nodes and links in a new /dev, which nobody else can reach yet.

#include <vector>

#include "runtime/child/context.h"

namespace nau::runtime::child {

void make_nodes_in(Context& c, int mount, const std::vector<DeviceNode>& nodes) noexcept;
void make_symlinks_in(Context& c, int mount, const std::vector<Symlink>& symlinks) noexcept;

}  // namespace nau::runtime::child
