#pragma once

// Words of the spec's "process" object as numbers of the kernel: limits, capabilities, scheduling,
// memory policy.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oci/runtime_spec.h"
#include "runtime/plan.h"
#include "sys/capabilities.h"

namespace nau::runtime {

/// "RLIMIT_NOFILE" …; nullopt when unknown.
std::optional<int> parse_rlimit(const std::string& name) noexcept;

/// A list as in cpuset(7), "0-3,8", as a mask in words of long. `member` is for errors.
std::vector<unsigned long> parse_cpu_list(const std::string& list, const std::string& member);

}  // namespace nau::runtime
