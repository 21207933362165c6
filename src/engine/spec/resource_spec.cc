#include <cmath>

#include "engine/spec/spec_parts.h"

namespace nau::engine {

namespace {

using oci::spec::DeviceRule;

constexpr uint64_t kCpuPeriodUs = 100'000;
constexpr int64_t kDefaultPidsLimit = 2048;

DeviceRule device_rule(const char* type,
                       std::optional<int64_t> major,
                       std::optional<int64_t> minor,
                       const char* access) {
    return DeviceRule{
        .allow = true, .type = type, .major = major, .minor = minor, .access = access};
}

/// Nothing but the harmless ones; making any node is allowed, using it is not.
std::vector<DeviceRule> build_device_rules(const SpecInputs& inputs) {
    if (inputs.options.security.is_privileged) {
        return {DeviceRule{.allow = true, .type = "a", .major = {}, .minor = {}, .access = "rwm"}};
    }
    std::vector<DeviceRule> rules = {
        DeviceRule{.allow = false, .type = "a", .major = {}, .minor = {}, .access = "rwm"},
        device_rule("c", {}, {}, "m"),
        device_rule("b", {}, {}, "m"),
        device_rule("c", 1, 3, "rwm"),     // null
        device_rule("c", 1, 5, "rwm"),     // zero
        device_rule("c", 1, 7, "rwm"),     // full
        device_rule("c", 1, 8, "rwm"),     // random
        device_rule("c", 1, 9, "rwm"),     // urandom
        device_rule("c", 5, 0, "rwm"),     // tty
        device_rule("c", 5, 1, "rwm"),     // console
        device_rule("c", 5, 2, "rwm"),     // ptmx
        device_rule("c", 136, {}, "rwm"),  // pts
    };
    for (const auto& device : inputs.devices) {
        rules.push_back(DeviceRule{.allow = true,
                                   .type = device.node.type == "b" ? "b" : "c",
                                   .major = device.node.major,
                                   .minor = device.node.minor,
                                   .access = device.permissions});
    }
    for (const auto& rule : inputs.options.device_rules) {
        rules.push_back(DeviceRule{.allow = true,
                                   .type = rule.type,
                                   .major = rule.major,
                                   .minor = rule.minor,
                                   .access = rule.access});
    }
    return rules;
}

std::optional<oci::spec::MemoryResources> build_memory(const ResourceOptions& options) {
    if (!options.memory_bytes && !options.memory_swap_bytes && !options.memory_reservation_bytes &&
        !options.memory_swappiness && !options.disables_oom_killer) {
        return std::nullopt;
    }
    oci::spec::MemoryResources memory;
    memory.limit = options.memory_bytes;
    memory.reservation = options.memory_reservation_bytes;
    memory.swap = options.memory_swap_bytes;
    memory.swappiness = options.memory_swappiness;
    if (options.disables_oom_killer) {
        memory.disable_oom_killer = true;
    }
    if (options.memory_bytes && !memory.swap && *options.memory_bytes > 0) {
        memory.swap = *options.memory_bytes * 2;  // docker's and podman's default
    }
    return memory;
}

std::optional<oci::spec::CpuResources> build_cpu(const ResourceOptions& options) {
    if (!options.cpus && !options.cpu_shares && !options.cpu_quota_us && !options.cpu_period_us &&
        !options.cpu_rt_period_us && !options.cpu_rt_runtime_us && options.cpuset_cpus.empty() &&
        options.cpuset_mems.empty()) {
        return std::nullopt;
    }
    oci::spec::CpuResources cpu;
    cpu.shares = options.cpu_shares;
    cpu.quota = options.cpu_quota_us;
    cpu.period = options.cpu_period_us;
    cpu.realtime_period = options.cpu_rt_period_us;
    cpu.realtime_runtime = options.cpu_rt_runtime_us;
    cpu.cpus = options.cpuset_cpus;
    cpu.mems = options.cpuset_mems;
    if (options.cpus) {
        cpu.period = kCpuPeriodUs;
        cpu.quota = std::llround(*options.cpus * static_cast<double>(kCpuPeriodUs));
    }
    return cpu;
}

}  // namespace

oci::spec::Resources build_limits(const ResourceOptions& options,
                                  const std::optional<oci::spec::BlockIoResources>& block_io) {
    oci::spec::Resources resources;
    resources.memory = build_memory(options);
    resources.cpu = build_cpu(options);
    resources.pids_limit = options.pids_limit;
    resources.block_io = block_io;
    resources.unified = options.cgroup_files;
    return resources;
}

oci::spec::Resources build_resources(const SpecInputs& inputs) {
    oci::spec::Resources resources = build_limits(inputs.options.resources, inputs.block_io);
    resources.devices = build_device_rules(inputs);
    if (!resources.pids_limit) {
        resources.pids_limit = kDefaultPidsLimit;
    }
    return resources;
}

}  // namespace nau::engine
