#pragma once

// nau's default profile as data: groups of calls, each with the capabilities it is bound to.

#include <cstdint>
#include <span>

#include "runtime/seccomp_program.h"

namespace nau::runtime {

struct SeccompGroup {
    std::span<const char* const> names;
    /// The group counts if the container may have one of these capabilities (0: always) and none of
    /// those.
    uint64_t any_of = 0;
    uint64_t none_of = 0;
    /// 0: allowed; otherwise this errno is returned.
    uint16_t error = 0;
    /// A single condition; `has_condition` says whether there is one.
    bool has_condition = false;
    SeccompCondition condition;

    bool applies(uint64_t capabilities) const noexcept {
        return (any_of == 0 || (capabilities & any_of) != 0) && (capabilities & none_of) == 0;
    }
};

std::span<const SeccompGroup> default_seccomp_groups() noexcept;

/// What is in no group.
constexpr uint16_t kDefaultSeccompErrno = 1;  // EPERM

}  // namespace nau::runtime
