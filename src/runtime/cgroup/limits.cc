#include "runtime/cgroup/limits.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::runtime::cgroup {

namespace {

using oci::spec::BlockIoResources;
using oci::spec::CpuResources;
using oci::spec::DeviceRule;
using oci::spec::MemoryResources;
using oci::spec::Resources;
using oci::spec::ThrottleDevice;

[[noreturn]] void fail(const char* member, const std::string& problem) {
    throw Error(ErrorKind::invalid, "linux: resources: {}: {}", member, problem);
}

class Writes {
  public:
    void add(const char* controller, const char* file, std::string value, const char* member) {
        list_.push_back({controller, file, std::move(value), member, false});
    }
    void add_optional(const char* controller,
                      const char* file,
                      std::string value,
                      const char* member) {
        list_.push_back({controller, file, std::move(value), member, true});
    }
    template <typename Number>
    void add_if(const char* controller,
                const char* file,
                const std::optional<Number>& value,
                const char* member) {
        if (value) {
            add(controller, file, fmt::format("{}", *value), member);
        }
    }
    std::vector<LimitWrite> take() { return std::move(list_); }

  private:
    std::vector<LimitWrite> list_;
};

void check_memory(const MemoryResources& memory) {
    const auto check = [](const std::optional<int64_t>& value, const char* member) {
        if (value && *value < -1) {
            fail(member, fmt::format("{} is neither a size nor -1", *value));
        }
    };
    check(memory.limit, "memory: limit");
    check(memory.reservation, "memory: reservation");
    check(memory.swap, "memory: swap");
    if (memory.limit && memory.swap && *memory.limit > 0 && *memory.swap > 0 &&
        *memory.swap < *memory.limit) {
        fail("memory: swap", "is the sum of memory and swap, and smaller than the memory limit");
    }
    if (memory.swappiness && *memory.swappiness > 100) {
        fail("memory: swappiness", "is not between 0 and 100");
    }
}

// --- v1

void plan_v1_memory(const MemoryResources& memory, Writes& out) {
    check_memory(memory);
    // A fresh group has no limit, so that memory may come before memory + swap.
    out.add_if("memory", "memory.limit_in_bytes", memory.limit, "memory: limit");
    if (memory.swap && *memory.swap != 0) {
        out.add_optional("memory",
                         "memory.memsw.limit_in_bytes",
                         fmt::format("{}", *memory.swap),
                         "memory: swap");
    }
    out.add_if("memory", "memory.soft_limit_in_bytes", memory.reservation, "memory: reservation");
    out.add_if("memory", "memory.kmem.tcp.limit_in_bytes", memory.kernel_tcp, "memory: kernelTCP");
    out.add_if("memory", "memory.swappiness", memory.swappiness, "memory: swappiness");
    if (memory.disable_oom_killer.value_or(false)) {
        out.add("memory", "memory.oom_control", "1", "memory: disableOOMKiller");
    }
}

void plan_v1_cpu(const CpuResources& cpu, Writes& out) {
    out.add_if("cpu", "cpu.shares", cpu.shares, "cpu: shares");
    out.add_if("cpu", "cpu.cfs_period_us", cpu.period, "cpu: period");
    out.add_if("cpu", "cpu.cfs_quota_us", cpu.quota, "cpu: quota");
    out.add_if("cpu", "cpu.cfs_burst_us", cpu.burst, "cpu: burst");
    out.add_if("cpu", "cpu.rt_period_us", cpu.realtime_period, "cpu: realtimePeriod");
    out.add_if("cpu", "cpu.rt_runtime_us", cpu.realtime_runtime, "cpu: realtimeRuntime");
    out.add_if("cpu", "cpu.idle", cpu.idle, "cpu: idle");
    if (!cpu.cpus.empty()) {
        out.add("cpuset", "cpuset.cpus", cpu.cpus, "cpu: cpus");
    }
    if (!cpu.mems.empty()) {
        out.add("cpuset", "cpuset.mems", cpu.mems, "cpu: mems");
    }
}

void plan_v1_throttle(const std::vector<ThrottleDevice>& devices,
                      const char* file,
                      const char* member,
                      Writes& out) {
    for (const ThrottleDevice& device : devices) {
        out.add("blkio",
                file,
                fmt::format("{}:{} {}", device.major, device.minor, device.rate),
                member);
    }
}

void plan_v1_block_io(const BlockIoResources& io, Writes& out) {
    // Since the CFQ scheduler has gone, BFQ's file is the only one for weights.
    out.add_if("blkio", "blkio.bfq.weight", io.weight, "blockIO: weight");
    if (io.leaf_weight) {
        fail("blockIO: leafWeight", "is not known to kernels without the CFQ scheduler");
    }
    for (const auto& device : io.weight_device) {
        if (device.weight) {
            out.add("blkio",
                    "blkio.bfq.weight_device",
                    fmt::format("{}:{} {}", device.major, device.minor, *device.weight),
                    "blockIO: weightDevice");
        }
    }
    plan_v1_throttle(io.throttle_read_bps_device,
                     "blkio.throttle.read_bps_device",
                     "blockIO: throttleReadBpsDevice",
                     out);
    plan_v1_throttle(io.throttle_write_bps_device,
                     "blkio.throttle.write_bps_device",
                     "blockIO: throttleWriteBpsDevice",
                     out);
    plan_v1_throttle(io.throttle_read_iops_device,
                     "blkio.throttle.read_iops_device",
                     "blockIO: throttleReadIOPSDevice",
                     out);
    plan_v1_throttle(io.throttle_write_iops_device,
                     "blkio.throttle.write_iops_device",
                     "blockIO: throttleWriteIOPSDevice",
                     out);
}

// --- both

std::string pids_value(int64_t limit) {
    return limit > 0 ? fmt::format("{}", limit) : "max";
}

/// "2MB" as it appears in the names of hugetlb files; the spec demands exactly that form.
const std::string& check_page_size(const std::string& size) {
    const std::string_view text = size;
    const bool has_unit =
        text.size() > 2 && (text.ends_with("KB") || text.ends_with("MB") || text.ends_with("GB"));
    if (!has_unit || !parse_uint64(text.substr(0, text.size() - 2))) {
        fail("hugepageLimits", fmt::format("pageSize: '{}' is no size such as 2MB", size));
    }
    return size;
}

void plan_rdma(const Resources& resources, Writes& out) {
    for (const auto& [device, limit] : resources.rdma) {
        if (device.find_first_of(" \n") != std::string::npos) {
            fail("rdma", fmt::format("'{}' is no name of a device", device));
        }
        std::string line = device;
        if (limit.hca_handles) {
            line += fmt::format(" hca_handle={}", *limit.hca_handles);
        }
        if (limit.hca_objects) {
            line += fmt::format(" hca_object={}", *limit.hca_objects);
        }
        out.add("rdma", "rdma.max", line, "rdma");
    }
}

void plan_v1_network(const oci::spec::NetworkResources& network, Writes& out) {
    out.add_if("net_cls", "net_cls.classid", network.class_id, "network: classID");
    for (const auto& priority : network.priorities) {
        if (priority.name.find_first_of(" \n") != std::string::npos) {
            fail("network: priorities", fmt::format("'{}' is no name of a device", priority.name));
        }
        out.add("net_prio",
                "net_prio.ifpriomap",
                fmt::format("{} {}", priority.name, priority.priority),
                "network: priorities");
    }
}

// --- v2

std::string v2_size(int64_t value) {
    return value < 0 ? "max" : fmt::format("{}", value);
}

void plan_v2_memory(const MemoryResources& memory, Writes& out) {
    check_memory(memory);
    if (memory.limit) {
        out.add("memory", "memory.max", v2_size(*memory.limit), "memory: limit");
    }
    if (memory.swap && *memory.swap != 0) {
        if (*memory.swap < 0) {
            out.add_optional("memory", "memory.swap.max", "max", "memory: swap");
        } else if (memory.limit && *memory.limit > 0) {
            // The spec's figure is the sum of both, v2's is the swap alone.
            out.add_optional("memory",
                             "memory.swap.max",
                             fmt::format("{}", *memory.swap - *memory.limit),
                             "memory: swap");
        } else {
            fail("memory: swap", "needs a memory limit");
        }
    }
    if (memory.reservation) {
        out.add("memory", "memory.low", v2_size(*memory.reservation), "memory: reservation");
    }
    if (memory.swappiness) {
        throw Error(ErrorKind::unsupported,
                    "linux: resources: memory: swappiness: cgroup v2 has no swappiness of a group")
            .with_hint("use vm.swappiness on the host, or memory.swap");
    }
    if (memory.disable_oom_killer.value_or(false)) {
        throw Error(ErrorKind::unsupported,
                    "linux: resources: memory: disableOOMKiller: cgroup v2 cannot switch it off");
    }
}

void plan_v2_cpu(const CpuResources& cpu, Writes& out) {
    if (cpu.idle && *cpu.idle != 0) {
        out.add_if("cpu", "cpu.idle", cpu.idle, "cpu: idle");
    }
    if (cpu.shares && *cpu.shares != 0) {
        out.add("cpu",
                "cpu.weight",
                fmt::format("{}", cpu_weight_of_shares(*cpu.shares)),
                "cpu: shares");
    }
    if (cpu.quota || cpu.period) {
        constexpr uint64_t kDefaultPeriodUs = 100'000;
        const std::string quota =
            cpu.quota && *cpu.quota > 0 ? fmt::format("{}", *cpu.quota) : "max";
        out.add("cpu",
                "cpu.max",
                fmt::format("{} {}", quota, cpu.period.value_or(kDefaultPeriodUs)),
                "cpu: quota");
    }
    out.add_if("cpu", "cpu.max.burst", cpu.burst, "cpu: burst");
    if (cpu.realtime_period || cpu.realtime_runtime) {
        throw Error(ErrorKind::unsupported,
                    "linux: resources: cpu: realtimeRuntime: cgroup v2 has no real-time limits");
    }
    if (!cpu.cpus.empty()) {
        out.add("cpuset", "cpuset.cpus", cpu.cpus, "cpu: cpus");
    }
    if (!cpu.mems.empty()) {
        out.add("cpuset", "cpuset.mems", cpu.mems, "cpu: mems");
    }
}

void plan_v2_throttle(const std::vector<ThrottleDevice>& devices,
                      const char* key,
                      const char* member,
                      Writes& out) {
    for (const ThrottleDevice& device : devices) {
        out.add("io",
                "io.max",
                fmt::format("{}:{} {}={}",
                            device.major,
                            device.minor,
                            key,
                            device.rate == 0 ? "max" : fmt::format("{}", device.rate)),
                member);
    }
}

void plan_v2_block_io(const BlockIoResources& io, Writes& out) {
    if (io.weight && *io.weight != 0) {
        out.add("io",
                "io.weight",
                fmt::format("default {}", io_weight_of_blkio(*io.weight)),
                "blockIO: weight");
    }
    for (const auto& device : io.weight_device) {
        if (device.weight) {
            out.add("io",
                    "io.weight",
                    fmt::format(
                        "{}:{} {}", device.major, device.minor, io_weight_of_blkio(*device.weight)),
                    "blockIO: weightDevice");
        }
    }
    plan_v2_throttle(io.throttle_read_bps_device, "rbps", "blockIO: throttleReadBpsDevice", out);
    plan_v2_throttle(io.throttle_write_bps_device, "wbps", "blockIO: throttleWriteBpsDevice", out);
    plan_v2_throttle(io.throttle_read_iops_device, "riops", "blockIO: throttleReadIOPSDevice", out);
    plan_v2_throttle(
        io.throttle_write_iops_device, "wiops", "blockIO: throttleWriteIOPSDevice", out);
}

void plan_v2_unified(const Resources& resources, Writes& out) {
    for (const auto& [file, value] : resources.unified) {
        // "<controller>.<what>", one component: nothing that leaves the directory, nothing of the
        // groups' own administration (moving processes, delegating controllers).
        const auto parts = split_once(file, '.');
        if (!parts || parts->first.empty() || file.find('/') != std::string::npos ||
            parts->first == "cgroup") {
            fail("unified", fmt::format("'{}' is no file of a controller", file));
        }
        out.add(std::string(parts->first).c_str(), file.c_str(), value, "unified");
    }
}

}  // namespace

uint64_t cpu_weight_of_shares(uint64_t shares) noexcept {
    constexpr uint64_t kMin = 2;
    constexpr uint64_t kMax = 262144;
    const uint64_t bounded = std::clamp(shares, kMin, kMax);
    if (bounded == kMin) {
        return 1;
    }
    if (bounded == kMax) {
        return 10000;
    }
    // A parabola over the logarithm that passes through (2, 1), (1024, 100) and (262144, 10000), so
    // that the default stays the default. Straight interpolation makes 1024 a weight of 39.
    const double l = std::log2(static_cast<double>(bounded));
    const double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
    return static_cast<uint64_t>(std::ceil(std::pow(10, exponent)));
}

uint64_t io_weight_of_blkio(uint64_t weight) noexcept {
    constexpr uint64_t kMin = 10;
    constexpr uint64_t kMax = 1000;
    return 1 + (std::clamp(weight, kMin, kMax) - kMin) * 9999 / 990;
}

std::vector<LimitWrite> plan_v1_devices(const std::vector<DeviceRule>& rules) {
    Writes out;
    for (const DeviceRule& rule : rules) {
        const std::string type = rule.type.empty() ? "a" : rule.type;
        const std::string access = rule.access.empty() ? "rwm" : rule.access;
        if (type != "a" && type != "b" && type != "c") {
            fail("devices", fmt::format("type: '{}' is none of a, b, c", rule.type));
        }
        if (access.find_first_not_of("rwm") != std::string::npos) {
            fail("devices", fmt::format("access: '{}' is not made of r, w and m", rule.access));
        }
        const auto number = [](const std::optional<int64_t>& value) {
            return value && *value >= 0 ? fmt::format("{}", *value) : std::string("*");
        };
        out.add(
            "devices",
            rule.allow ? "devices.allow" : "devices.deny",
            type == "a"
                ? "a"
                : fmt::format("{} {}:{} {}", type, number(rule.major), number(rule.minor), access),
            "devices");
    }
    return out.take();
}

std::vector<LimitWrite> plan_v1_limits(const Resources& resources) {
    Writes out;
    if (resources.memory) {
        plan_v1_memory(*resources.memory, out);
    }
    if (resources.cpu) {
        plan_v1_cpu(*resources.cpu, out);
    }
    if (resources.pids_limit) {
        out.add("pids", "pids.max", pids_value(*resources.pids_limit), "pids: limit");
    }
    if (resources.block_io) {
        plan_v1_block_io(*resources.block_io, out);
    }
    for (const auto& limit : resources.hugepage_limits) {
        out.add("hugetlb",
                fmt::format("hugetlb.{}.limit_in_bytes", check_page_size(limit.page_size)).c_str(),
                fmt::format("{}", limit.limit),
                "hugepageLimits");
    }
    if (resources.network) {
        plan_v1_network(*resources.network, out);
    }
    plan_rdma(resources, out);
    if (!resources.unified.empty()) {
        throw Error(ErrorKind::unsupported,
                    "linux: resources: unified: this machine's controllers are on cgroup v1");
    }
    return out.take();
}

std::vector<LimitWrite> plan_v2_limits(const Resources& resources) {
    Writes out;
    if (resources.memory) {
        plan_v2_memory(*resources.memory, out);
    }
    if (resources.cpu) {
        plan_v2_cpu(*resources.cpu, out);
    }
    if (resources.pids_limit) {
        out.add("pids", "pids.max", pids_value(*resources.pids_limit), "pids: limit");
    }
    if (resources.block_io) {
        plan_v2_block_io(*resources.block_io, out);
    }
    for (const auto& limit : resources.hugepage_limits) {
        out.add("hugetlb",
                fmt::format("hugetlb.{}.max", check_page_size(limit.page_size)).c_str(),
                fmt::format("{}", limit.limit),
                "hugepageLimits");
    }
    if (resources.network) {
        throw Error(ErrorKind::unsupported,
                    "linux: resources: network: cgroup v2 has no network controllers");
    }
    plan_rdma(resources, out);
    plan_v2_unified(resources, out);
    return out.take();
}

}  // namespace nau::runtime::cgroup
