#include "runtime/cgroup/cgroup.h"

#include <linux/bpf.h>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "base/error.h"
#include "runtime/cgroup/device_filter.h"
#include "runtime/cgroup/limits.h"

namespace {

using namespace nau::runtime::cgroup;
using nau::Error;
using nau::ErrorKind;
using nau::oci::spec::DeviceRule;
using nau::oci::spec::Resources;

std::vector<std::string> lines(const std::vector<LimitWrite>& writes) {
    std::vector<std::string> out;
    for (const auto& write : writes) {
        out.push_back(fmt::format("{}: {} = {}{}",
                                  write.controller,
                                  write.file,
                                  write.value,
                                  write.is_optional ? " (optional)" : ""));
    }
    return out;
}

Resources everything() {
    Resources resources;
    auto& memory = resources.memory.emplace();
    memory.limit = 1 << 20;
    memory.swap = 3 << 20;
    memory.reservation = -1;
    auto& cpu = resources.cpu.emplace();
    cpu.shares = 512;
    cpu.quota = 50000;
    cpu.period = 100000;
    cpu.cpus = "0-1";
    cpu.mems = "0";
    resources.pids_limit = 100;
    auto& io = resources.block_io.emplace();
    io.weight = 500;
    io.throttle_read_bps_device = {{8, 0, 1000}};
    io.throttle_write_iops_device = {{8, 16, 7}};
    resources.hugepage_limits = {{"2MB", 4096}};
    resources.rdma["mlx5_1"] = {3, 10};
    return resources;
}

/// The interpreter of what build_device_program() writes.
bool permits(const std::vector<BpfInstruction>& program,
             char type,
             uint32_t major,
             uint32_t minor,
             const std::string& access) {
    uint32_t bits = 0;
    for (const char c : access) {
        bits |= c == 'r'   ? BPF_DEVCG_ACC_READ
                : c == 'w' ? BPF_DEVCG_ACC_WRITE
                           : BPF_DEVCG_ACC_MKNOD;
    }
    const uint32_t context[3] = {
        bits << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR), major, minor};
    uint64_t registers[11] = {};
    for (size_t pc = 0; pc < program.size(); ++pc) {
        const auto& i = program[pc];
        uint64_t& to = registers[i.registers & 0xf];
        const uint64_t from = registers[i.registers >> 4];
        switch (i.code) {
            case BPF_LDX | BPF_W | BPF_MEM:
                to = context[i.offset / 4];
                break;
            case BPF_ALU | BPF_AND | BPF_K:
                to = static_cast<uint32_t>(to) & static_cast<uint32_t>(i.immediate);
                break;
            case BPF_ALU | BPF_RSH | BPF_K:
                to = static_cast<uint32_t>(to) >> i.immediate;
                break;
            case BPF_ALU | BPF_MOV | BPF_X:
                to = static_cast<uint32_t>(from);
                break;
            case BPF_ALU64 | BPF_MOV | BPF_K:
                to = static_cast<uint64_t>(i.immediate);
                break;
            case BPF_JMP | BPF_JNE | BPF_K:
                pc += to != static_cast<uint64_t>(i.immediate) ? static_cast<size_t>(i.offset) : 0;
                break;
            case BPF_JMP | BPF_JEQ | BPF_K:
                pc += to == static_cast<uint64_t>(i.immediate) ? static_cast<size_t>(i.offset) : 0;
                break;
            case BPF_JMP | BPF_EXIT:
                return registers[0] != 0;
            default:
                FAIL("unknown instruction");
        }
    }
    FAIL("left the program");
    return false;
}

DeviceRule rule(bool allow,
                const char* type,
                std::optional<int64_t> major,
                std::optional<int64_t> minor,
                const char* access) {
    return {allow, type, major, minor, access};
}

constexpr const char* kHybridMountinfo =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
    "36 31 0:32 /sub /mnt/memory-again rw,relatime - cgroup cgroup rw,memory\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
constexpr const char* kHybridSelf =
    "9:name=systemd:/user.slice/x\n4:memory:/a/b\n2:cpu,cpuacct:/\n1:pids:/\n0::/user.slice\n";

}  // namespace

TEST_CASE("a hybrid layout is read from the mounts") {
    const Layout layout = parse_layout(kHybridMountinfo, kHybridSelf);
    CHECK(layout.mode == Mode::hybrid);
    CHECK(layout.unified_mount == "/sys/fs/cgroup/unified");
    CHECK(layout.unified_own_path == "/user.slice");
    REQUIRE(layout.hierarchies.size() == 3);
    CHECK(layout.hierarchies[0].controllers == std::vector<std::string>{"cpu", "cpuacct"});
    CHECK(layout.hierarchies[1].mount_point == "/sys/fs/cgroup/memory");
    CHECK(layout.hierarchies[1].own_path == "/a/b");
    CHECK(layout.hierarchies[2].name == "systemd");
    CHECK(layout.hierarchies[2].own_path == "/user.slice/x");
}

TEST_CASE("other layouts") {
    CHECK(parse_layout("", "").mode == Mode::none);
    const auto v2 = parse_layout(
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n", "0::/a\n");
    CHECK(v2.mode == Mode::v2);
    CHECK(v2.unified_mount == "/sys/fs/cgroup");
    CHECK(v2.hierarchies.empty());
    const auto v1 = parse_layout("30 23 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n",
                                 "3:pids:/\n0::/\n");
    CHECK(v1.mode == Mode::v1);
    CHECK(v1.hierarchies.size() == 1);
}

TEST_CASE("paths of groups") {
    Layout layout = parse_layout(kHybridMountinfo, kHybridSelf);
    CHECK(open_cgroup(layout, "/nau/x")->path() == "/nau/x");
    for (const char* path : {"", "/", "nau", "/nau/", "/nau//x", "/nau/../x", "/./x"}) {
        CAPTURE(path);
        CHECK_THROWS_AS(open_cgroup(layout, path), Error);
    }
    CHECK_THROWS_AS(open_cgroup(Layout{}, "/nau/x"), Error);
}

TEST_CASE("limits as files of v1") {
    CHECK(lines(plan_v1_limits(everything())) ==
          std::vector<std::string>{
              "memory: memory.limit_in_bytes = 1048576",
              "memory: memory.memsw.limit_in_bytes = 3145728 (optional)",
              "memory: memory.soft_limit_in_bytes = -1",
              "cpu: cpu.shares = 512",
              "cpu: cpu.cfs_period_us = 100000",
              "cpu: cpu.cfs_quota_us = 50000",
              "cpuset: cpuset.cpus = 0-1",
              "cpuset: cpuset.mems = 0",
              "pids: pids.max = 100",
              "blkio: blkio.bfq.weight = 500",
              "blkio: blkio.throttle.read_bps_device = 8:0 1000",
              "blkio: blkio.throttle.write_iops_device = 8:16 7",
              "hugetlb: hugetlb.2MB.limit_in_bytes = 4096",
              "rdma: rdma.max = mlx5_1 hca_handle=3 hca_object=10",
          });
    CHECK(plan_v1_limits({}).empty());
}

TEST_CASE("limits as files of v2") {
    Resources resources = everything();
    resources.unified["memory.high"] = "5";
    CHECK(lines(plan_v2_limits(resources)) ==
          std::vector<std::string>{
              "memory: memory.max = 1048576",
              "memory: memory.swap.max = 2097152 (optional)",
              "memory: memory.low = max",
              "cpu: cpu.weight = 59",
              "cpu: cpu.max = 50000 100000",
              "cpuset: cpuset.cpus = 0-1",
              "cpuset: cpuset.mems = 0",
              "pids: pids.max = 100",
              "io: io.weight = default 4950",
              "io: io.max = 8:0 rbps=1000",
              "io: io.max = 8:16 wiops=7",
              "hugetlb: hugetlb.2MB.max = 4096",
              "rdma: rdma.max = mlx5_1 hca_handle=3 hca_object=10",
              "memory: memory.high = 5",
          });
    CHECK(plan_v2_limits({}).empty());
    Resources unlimited;
    unlimited.pids_limit = -1;
    unlimited.memory.emplace().limit = -1;
    unlimited.memory->swap = -1;
    unlimited.cpu.emplace().quota = -1;
    CHECK(lines(plan_v2_limits(unlimited)) ==
          std::vector<std::string>{"memory: memory.max = max",
                                   "memory: memory.swap.max = max (optional)",
                                   "cpu: cpu.max = max 100000",
                                   "pids: pids.max = max"});
}

TEST_CASE("weights keep their default and their ends") {
    CHECK(cpu_weight_of_shares(2) == 1);
    CHECK(cpu_weight_of_shares(1024) == 100);
    CHECK(cpu_weight_of_shares(262144) == 10000);
    CHECK(cpu_weight_of_shares(0) == 1);
    CHECK(io_weight_of_blkio(10) == 1);
    CHECK(io_weight_of_blkio(1000) == 10000);
}

TEST_CASE("limits that make no sense or do not exist") {
    struct Case {
        void (*change)(Resources&);
        bool is_v2;
        const char* error;
    };
    const Case cases[] = {
        {[](Resources& r) { r.memory.emplace().limit = -2; },
         false,
         "linux: resources: memory: limit: -2 is neither a size nor -1"},
        {[](Resources& r) {
             r.memory.emplace().limit = 10;
             r.memory->swap = 5;
         },
         true,
         "linux: resources: memory: swap: is the sum of memory and swap, and smaller than the "
         "memory limit"},
        {[](Resources& r) { r.memory.emplace().swap = 5; },
         true,
         "linux: resources: memory: swap: needs a memory limit"},
        {[](Resources& r) {
             r.hugepage_limits = {{"2M/../x", 1}};
         },
         false,
         "linux: resources: hugepageLimits: pageSize: '2M/../x' is no size such as 2MB"},
        {[](Resources& r) { r.unified["../x"] = "1"; },
         true,
         "linux: resources: unified: '../x' is no file of a controller"},
        {[](Resources& r) { r.unified["cgroup.procs"] = "1"; },
         true,
         "linux: resources: unified: 'cgroup.procs' is no file of a controller"},
        {[](Resources& r) { r.unified["memory.high"] = "1"; },
         false,
         "linux: resources: unified: this machine's controllers are on cgroup v1"},
        {[](Resources& r) { r.memory.emplace().swappiness = 7; },
         true,
         "linux: resources: memory: swappiness: cgroup v2 has no swappiness of a group"},
        {[](Resources& r) { r.rdma["a b"] = {}; },
         true,
         "linux: resources: rdma: 'a b' is no name of a device"},
    };
    for (const Case& test : cases) {
        CAPTURE(test.error);
        Resources resources;
        test.change(resources);
        try {
            (void)(test.is_v2 ? plan_v2_limits(resources) : plan_v1_limits(resources));
            FAIL_CHECK("was accepted");
        } catch (const Error& error) {
            CHECK(error.text() == test.error);
        }
    }
}

TEST_CASE("device rules as lines of v1") {
    CHECK(lines(plan_v1_devices({rule(false, "", {}, {}, ""),
                                 rule(true, "c", 1, 3, "rwm"),
                                 rule(true, "b", {}, -1, "m")})) ==
          std::vector<std::string>{"devices: devices.deny = a",
                                   "devices: devices.allow = c 1:3 rwm",
                                   "devices: devices.allow = b *:* m"});
    CHECK_THROWS_AS(plan_v1_devices({rule(true, "x", 1, 3, "r")}), Error);
    CHECK_THROWS_AS(plan_v1_devices({rule(true, "c", 1, 3, "rx")}), Error);
}

TEST_CASE("device rules as a program of v2") {
    const auto program = build_device_program({
        rule(false, "a", {}, {}, "rwm"),
        rule(true, "c", {}, {}, "m"),
        rule(true, "c", 1, 3, "rwm"),
        rule(true, "c", 136, {}, "rw"),
        rule(true, "b", 8, 0, "r"),
        rule(true, "b", 8, 0, "w"),
        rule(false, "c", 136, 7, "w"),
    });
    CHECK(permits(program, 'c', 1, 3, "rw"));
    CHECK(permits(program, 'c', 1, 3, "m"));
    CHECK_FALSE(permits(program, 'c', 1, 4, "r"));
    CHECK(permits(program, 'c', 10, 200, "m"));
    CHECK_FALSE(permits(program, 'b', 10, 200, "m"));
    CHECK(permits(program, 'c', 136, 5, "rw"));
    CHECK(permits(program, 'c', 136, 5, "rwm"));
    CHECK(permits(program, 'c', 136, 7, "r"));
    CHECK_FALSE(permits(program, 'c', 136, 7, "rw"));
    CHECK_FALSE(permits(program, 'c', 136, 7, "w"));
    // Two rules that together cover what is asked for.
    CHECK(permits(program, 'b', 8, 0, "rw"));
    CHECK_FALSE(permits(program, 'b', 8, 0, "rwm"));
    CHECK_FALSE(permits(program, 'c', 8, 0, "r"));

    const auto nothing = build_device_program({});
    CHECK_FALSE(permits(nothing, 'c', 1, 3, "r"));
    const auto all =
        build_device_program({rule(false, "c", 1, 3, "r"), rule(true, "a", {}, {}, "rwm")});
    CHECK(permits(all, 'c', 1, 3, "r"));
    CHECK(permits_everything({rule(true, "a", {}, {}, "")}));
    CHECK_FALSE(permits_everything({rule(true, "a", {}, {}, "rw")}));
    CHECK_FALSE(permits_everything({}));
}
