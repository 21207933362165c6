#pragma once

// The words of a mount's "options" list (runtime-spec 1.3, config.md "Linux mount options") sorted
// by what the kernel calls them.

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/plan.h"

namespace nau::runtime {

struct MountOptions {
    MountAttributeChange change;
    uint64_t propagation = 0;  ///< MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE; 0: not said
    bool propagation_all = false;
    bool is_bind = false;
    bool is_recursive_bind = false;
    bool is_remount = false;
    bool copy_up = false;
    bool idmap = false;
    bool idmap_all = false;
    std::vector<FsParameter> parameters;  ///< what is not one of the words: for the file system
};

MountOptions parse_mount_options(const std::vector<std::string>& options);

}  // namespace nau::runtime
