#include "oci/runtime_spec.h"

#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace {

using nau::Error;
using nau::ErrorKind;
using nau::oci::parse_runtime_spec;

/// Every member that the specification knows for Linux, each with a value that is not its default.
constexpr const char* kEverything = R"({
  "ociVersion": "1.3.0",
  "process": {
    "terminal": true, "consoleSize": {"height": 25, "width": 80},
    "user": {"uid": 1, "gid": 2, "umask": 18, "additionalGids": [3, 4]},
    "args": ["sh", "-c", "true"], "env": ["A=b", "PATH=/bin"], "cwd": "/tmp",
    "capabilities": {"bounding": ["CAP_CHOWN"], "effective": ["CAP_KILL"],
      "inheritable": ["CAP_FOWNER"], "permitted": ["CAP_MKNOD"], "ambient": ["CAP_SETUID"]},
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 18446744073709551615}],
    "noNewPrivileges": true, "apparmorProfile": "p", "selinuxLabel": "l", "oomScoreAdj": -7,
    "scheduler": {"policy": "SCHED_DEADLINE", "nice": -3, "priority": 1,
      "flags": ["SCHED_FLAG_RESET_ON_FORK"], "runtime": 1, "deadline": 2, "period": 3},
    "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4},
    "execCPUAffinity": {"initial": "0-1", "final": "2"}
  },
  "root": {"path": "rootfs", "readonly": true},
  "hostname": "h", "domainname": "d",
  "mounts": [{"destination": "/data", "type": "bind", "source": "/src", "options": ["rbind", "ro"],
    "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
    "gidMappings": [{"containerID": 0, "hostID": 1001, "size": 2}]}],
  "hooks": {
    "prestart": [{"path": "/a", "args": ["a", "b"], "env": ["C=d"], "timeout": 5}],
    "createRuntime": [{"path": "/b"}], "createContainer": [{"path": "/c"}],
    "startContainer": [{"path": "/d"}], "poststart": [{"path": "/e"}], "poststop": [{"path": "/f"}]
  },
  "annotations": {"k": "v"},
  "linux": {
    "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
    "gidMappings": [{"containerID": 0, "hostID": 200000, "size": 65536}],
    "sysctl": {"net.ipv4.ip_forward": "1"},
    "resources": {
      "devices": [{"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}],
      "memory": {"limit": 1, "reservation": 2, "swap": -1, "kernel": 3, "kernelTCP": 4,
        "swappiness": 5, "disableOOMKiller": false, "useHierarchy": true,
        "checkBeforeUpdate": true},
      "cpu": {"shares": 1, "quota": -1, "burst": 2, "period": 3, "realtimeRuntime": 4,
        "realtimePeriod": 5, "cpus": "0-3", "mems": "0", "idle": 1},
      "pids": {"limit": -1},
      "blockIO": {"weight": 10, "leafWeight": 11,
        "weightDevice": [{"major": 8, "minor": 0, "weight": 500, "leafWeight": 300}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}],
        "throttleWriteBpsDevice": [{"major": 8, "minor": 1, "rate": 601}],
        "throttleReadIOPSDevice": [{"major": 8, "minor": 2, "rate": 602}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 3, "rate": 603}]},
      "hugepageLimits": [{"pageSize": "2MB", "limit": 9}],
      "network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]},
      "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}},
      "unified": {"memory.high": "max"}
    },
    "cgroupsPath": "/x/y",
    "namespaces": [{"type": "pid"}, {"type": "network", "path": "/run/netns/a"}],
    "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438,
      "uid": 0, "gid": 0}],
    "netDevices": {"eth0": {"name": "inner0"}, "ens4": {}},
    "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
      "architectures": ["SCMP_ARCH_X86_64"], "flags": ["SECCOMP_FILTER_FLAG_LOG"],
      "listenerPath": "/l", "listenerMetadata": "m",
      "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1,
        "args": [{"index": 1, "value": 18446744073709551615, "valueTwo": 7,
          "op": "SCMP_CMP_MASKED_EQ"}]}]},
    "rootfsPropagation": "rslave", "maskedPaths": ["/proc/kcore"],
    "readonlyPaths": ["/proc/sys"], "mountLabel": "ml",
    "intelRdt": {"closID": "c", "schemata": ["L3:0=f"], "l3CacheSchema": "L3:0=f",
      "memBwSchema": "MB:0=20", "enableCMT": true, "enableMBM": true, "enableMonitoring": true},
    "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0-1", "flags": ["MPOL_F_STATIC_NODES"]},
    "personality": {"domain": "LINUX32", "flags": ["F"]},
    "timeOffsets": {"monotonic": {"secs": -5, "nanosecs": 6}}
  }
})";

/// A document whose member at `pointer` is replaced; an empty `value` removes it.
std::string with(const char* pointer, const char* value) {
    auto document = nlohmann::json::parse(kEverything);
    const nlohmann::json::json_pointer place(pointer);
    if (*value == '\0') {
        document.at(place.parent_pointer()).erase(place.back());
    } else {
        document[place] = nlohmann::json::parse(value);
    }
    return document.dump();
}

std::string error_of(const std::string& text) {
    try {
        parse_runtime_spec(text, "c");
    } catch (const Error& error) {
        return error.text();
    }
    return "no error";
}

}  // namespace

TEST_CASE("every member survives reading and writing") {
    const auto document = nlohmann::json::parse(kEverything);
    const auto spec = parse_runtime_spec(kEverything);
    CHECK(nau::oci::to_json(spec) == document);
    CHECK(spec.process->rlimits.at(0).hard == UINT64_MAX);
    CHECK(spec.linux_.seccomp->syscalls.at(0).args.at(0).value == UINT64_MAX);
    CHECK(spec.linux_.resources->memory->disable_oom_killer == false);
}

TEST_CASE("the smallest document is read and nothing is invented") {
    const auto spec = parse_runtime_spec(R"({"ociVersion": "1.0.0-rc5"})");
    CHECK_FALSE(spec.process);
    CHECK_FALSE(spec.root);
    CHECK(nau::oci::to_json(spec).dump() == R"({"linux":{},"ociVersion":"1.0.0-rc5"})");
}

TEST_CASE("unknown members and nulls are ignored") {
    const auto spec = parse_runtime_spec(
        R"({"ociVersion": "1.3.0", "windows": {"x": 1}, "process": null, "linux": {"new": []}})");
    CHECK_FALSE(spec.process);
}

TEST_CASE("what is wrong is named by its member") {
    struct Case {
        const char* pointer;
        const char* value;
        const char* error;
    };
    const Case cases[] = {
        {"/ociVersion", "", "c: has no 'ociVersion'"},
        {"/ociVersion",
         "\"2.0.0\"",
         "c: ociVersion: '2.0.0' is not a version 1 of the runtime specification"},
        {"/process/cwd", "", "c: process: has no 'cwd'"},
        {"/process/user/uid", "4294967296", "c: process: user: uid: is larger than 4294967295"},
        {"/process/user/uid", "-1", "c: process: user: uid: is not an unsigned integer of 64 bits"},
        {"/process/user/uid",
         "1.5",
         "c: process: user: uid: is not an unsigned integer of 64 bits"},
        {"/process/args", "\"sh\"", "c: process: args: is not a list"},
        {"/process/args", "[\"a\\u0000b\"]", "c: process: args[0]: contains a NUL character"},
        {"/process/oomScoreAdj",
         "2147483648",
         "c: process: oomScoreAdj: is not between -2147483648 and 2147483647"},
        {"/mounts/0/destination", "7", "c: mounts[0]: destination: is not a string"},
        {"/hooks/poststop/0/path", "", "c: hooks: poststop[0]: has no 'path'"},
        {"/linux/resources/pids/limit",
         "\"5\"",
         "c: linux: resources: pids: limit: is not an integer of 64 bits"},
        {"/linux/seccomp/syscalls/0/names", "", "c: linux: seccomp: syscalls[0]: has no 'names'"},
        {"/linux/sysctl", "[]", "c: linux: sysctl: is not an object"},
    };
    for (const Case& test : cases) {
        CAPTURE(test.pointer);
        CHECK(error_of(with(test.pointer, test.value)) == test.error);
    }
}

TEST_CASE("parts are read and written alone") {
    const auto document = nlohmann::json::parse(kEverything);
    CHECK(nau::oci::to_json(nau::oci::process_from_json(document["process"], "p")) ==
          document["process"]);
    const auto& linux_part = document["linux"];
    CHECK(nau::oci::to_json(nau::oci::seccomp_from_json(linux_part["seccomp"], "s")) ==
          linux_part["seccomp"]);
    CHECK(nau::oci::to_json(nau::oci::resources_from_json(linux_part["resources"], "r")) ==
          linux_part["resources"]);
}
