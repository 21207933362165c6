#pragma once

// What is written where for the spec's linux.resources: pure, in the order in which the kernel
// wants it.

#include <cstdint>
#include <string>
#include <vector>

#include "oci/runtime_spec.h"

namespace nau::runtime::cgroup {

struct LimitWrite {
    std::string controller;  ///< "memory"
    std::string file;        ///< "memory.limit_in_bytes"
    std::string value;
    std::string member;  ///< "resources: memory: limit"
    /// Without the file the limit is only warned about (swap accounting may be switched off).
    bool is_optional = false;
};

/// @throws Error{invalid, unsupported} naming the member
std::vector<LimitWrite> plan_v1_limits(const oci::spec::Resources& resources);
/// Without the devices, which are a program in v2 (device_filter.h).
std::vector<LimitWrite> plan_v2_limits(const oci::spec::Resources& resources);

/// The whole of a v1 devices list: "a" (all) to devices.deny or devices.allow, then one rule each.
std::vector<LimitWrite> plan_v1_devices(const std::vector<oci::spec::DeviceRule>& rules);

/// cpu.shares (2 … 262144, default 1024) as cpu.weight (1 … 10000, default 100): through the three
/// points of the two scales, as the field does since 2025.
uint64_t cpu_weight_of_shares(uint64_t shares) noexcept;
/// blkio.weight (10 … 1000) as io.weight (1 … 10000).
uint64_t io_weight_of_blkio(uint64_t weight) noexcept;

}  // namespace nau::runtime::cgroup
