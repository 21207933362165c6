#pragma once

// Managers of the two layouts; made by open_cgroup() only.

#include <memory>
#include <string>

#include "runtime/cgroup/cgroup.h"

namespace nau::runtime::cgroup {

/// v1 and hybrid.
std::unique_ptr<CgroupManager> make_v1_manager(const Layout& layout, std::string path);
std::unique_ptr<CgroupManager> make_v2_manager(const Layout& layout, std::string path);

}  // namespace nau::runtime::cgroup
