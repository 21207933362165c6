#pragma once

// The calls of the new mount API, with the kernel's own words in the report of a failure.

#include <cstdint>
#include <vector>

#include "runtime/child/context.h"

namespace nau::runtime::child {

/// fsopen … fsmount.
int make_filesystem(Context& c,
                    const char* type,
                    const std::vector<FsParameter>& parameters,
                    uint64_t attributes) noexcept;
void set_attributes(Context& c, int mount, const MountStep& step) noexcept;
/// fspick … reconfigure: parameters of what is mounted on `target`.
void reconfigure_filesystem(Context& c,
                            int target,
                            const std::vector<FsParameter>& parameters) noexcept;
/// `mount` is not attached yet.
void map_ids(Context& c, int mount, int user_namespace) noexcept;
/// `flags`: AT_RECURSIVE or 0.
void make_read_only(Context& c, int mount, unsigned flags) noexcept;
void attach(Context& c, int mount, int target) noexcept;

}  // namespace nau::runtime::child
