#include "runtime/plan_builder.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tests/support/golden.h"
#include "tests/unit/runtime/plan_text.h"

namespace {

using nau::Error;
using nau::ErrorKind;
using nau::oci::parse_runtime_spec;
using nau::oci::RuntimeSpec;
using nau::runtime::build_init_plan;
using nau::runtime::clean_container_path;
using nau::runtime::HostFacts;
using nau::runtime::InitPlan;
namespace cgroup = nau::runtime::cgroup;

/// What `nau run` asks for, more or less.
constexpr const char* kOrdinary = R"({
  "ociVersion": "1.3.0",
  "process": {
    "user": {"uid": 1000, "gid": 100, "umask": 18, "additionalGids": [100, 10]},
    "args": ["sh", "-c", "true"], "env": ["PATH=/bin::/usr/bin", "HOME=/"], "cwd": "/work",
    "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_CHROOT"]},
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 4096}],
    "noNewPrivileges": true, "oomScoreAdj": 100
  },
  "root": {"path": "rootfs", "readonly": true},
  "hostname": "box", "domainname": "example",
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc",
     "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs",
     "options": ["nosuid", "noexec", "nodev", "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
     "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
     "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
     "options": ["tmpcopyup", "ro", "noatime"]},
    {"destination": "/data//./x/../y/", "type": "bind", "source": "/srv/data",
     "options": ["rbind", "ro", "nosuid"]},
    {"destination": "/shared", "source": "volume", "options": ["bind", "rshared", "rro"]},
    {"destination": "/proc/cpuinfo", "type": "bind", "source": "/var/lib/lxcfs/cpuinfo",
     "options": ["bind"]}
  ],
  "linux": {
    "sysctl": {"net.ipv4.ip_forward": "1", "kernel/shmmax": "1000", "net/ipv4/conf/eth0.1/x": "0"},
    "namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"},
      {"type": "cgroup"}, {"type": "network", "path": "/run/netns/a"}],
    "devices": [
      {"path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200, "fileMode": 432, "gid": 7},
      {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 384},
      {"path": "/opt/fifo", "type": "p"}],
    "rootfsPropagation": "rslave",
    "maskedPaths": ["/proc/kcore", "/sys/firmware"], "readonlyPaths": ["/proc/sys"]
  }
})";

cgroup::Layout hybrid_layout() {
    cgroup::Layout layout;
    layout.mode = cgroup::Mode::hybrid;
    layout.hierarchies = {
        {{"memory"}, "", "/sys/fs/cgroup/memory", "/", "/"},
        {{"cpu", "cpuacct"}, "", "/sys/fs/cgroup/cpu,cpuacct", "/", "/"},
        {{}, "systemd", "/sys/fs/cgroup/systemd", "/", "/user.slice"},
    };
    layout.unified_mount = "/sys/fs/cgroup/unified";
    return layout;
}

HostFacts hybrid_facts() {
    HostFacts facts;
    facts.cgroup_layout = hybrid_layout();
    facts.cgroup_path = "/nau/x";
    return facts;
}

InitPlan build(const RuntimeSpec& spec, const HostFacts& facts = hybrid_facts()) {
    return build_init_plan(spec, {.id = "x", .bundle = "/bundle"}, facts);
}

/// kOrdinary with some members replaced.
RuntimeSpec with(const std::vector<std::pair<const char*, const char*>>& changes) {
    auto document = nlohmann::json::parse(kOrdinary);
    for (const auto& [pointer, value] : changes) {
        document[nlohmann::json::json_pointer(pointer)] = nlohmann::json::parse(value);
    }
    return parse_runtime_spec(document.dump());
}

}  // namespace

TEST_CASE("the plan of an ordinary container") {
    nau::test::check_golden("unit/runtime/golden/ordinary.txt",
                            nau::test::plan_text(build(parse_runtime_spec(kOrdinary))));
}

TEST_CASE("the plan of a container with a user namespace and a terminal") {
    const auto spec = with({
        {"/linux/namespaces",
         R"([{"type": "user"}, {"type": "mount"}, {"type": "pid"}, {"type": "time"}])"},
        {"/linux/uidMappings", R"([{"containerID": 0, "hostID": 100000, "size": 65536}])"},
        {"/linux/gidMappings", R"([{"containerID": 0, "hostID": 200000, "size": 65536}])"},
        {"/linux/timeOffsets", R"({"boottime": {"secs": -5}, "monotonic": {"nanosecs": 6}})"},
        {"/linux/sysctl", "{}"},
        {"/hostname", "\"\""},
        {"/domainname", "\"\""},
        {"/process/terminal", "true"},
        {"/process/consoleSize", R"({"height": 24, "width": 80})"},
        {"/process/args", R"(["/bin/sh"])"},
        {"/mounts/4", R"({"destination": "/var", "type": "tmpfs"})"},
    });
    nau::test::check_golden("unit/runtime/golden/user_namespace.txt",
                            nau::test::plan_text(build(spec)));
}

TEST_CASE("the plan of a container with the host's namespaces and everything of a process") {
    auto spec = with({
        {"/linux/namespaces", R"([{"type": "mount"}])"},
        {"/linux/sysctl", "{}"},
        {"/hostname", "\"\""},
        {"/domainname", "\"\""},
        {"/process/scheduler",
         R"({"policy": "SCHED_DEADLINE", "nice": 1, "priority": 2, "flags":
             ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM"], "runtime": 3, "deadline": 4,
             "period": 5})"},
        {"/process/ioPriority", R"({"class": "IOPRIO_CLASS_BE", "priority": 4})"},
        {"/process/execCPUAffinity", R"({"initial": "0", "final": "1-3,64"})"},
        {"/process/apparmorProfile", "\"strict\""},
        {"/process/selinuxLabel", "\"system_u:x\""},
        {"/process/capabilities",
         R"({"bounding": ["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"], "permitted": ["CAP_CHOWN"],
             "effective": ["CAP_CHOWN"], "inheritable": ["CAP_CHOWN"], "ambient": ["CAP_CHOWN"]})"},
        {"/linux/memoryPolicy",
         R"({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]})"},
        {"/linux/personality", R"({"domain": "LINUX32"})"},
        {"/linux/mountLabel", "\"label\""},
        {"/mounts/1", R"({"destination": "/dev", "type": "bind", "source": "/dev",
                          "options": ["rbind", "rslave"]})"},
    });
    spec.annotations["nau.seccomp"] = "default";
    nau::test::check_golden("unit/runtime/golden/host_namespaces.txt",
                            nau::test::plan_text(build(spec)));
}

TEST_CASE("control groups as one tree, and without a new /dev") {
    HostFacts facts = hybrid_facts();
    facts.cgroup_layout = {};
    facts.cgroup_layout.mode = cgroup::Mode::v2;
    facts.cgroup_layout.unified_mount = "/sys/fs/cgroup";
    facts.last_capability = 5;
    const auto spec =
        with({{"/mounts/1", R"({"destination": "/run", "type": "tmpfs"})"},
              {"/process/capabilities/bounding", R"(["CAP_CHOWN", "CAP_SYS_CHROOT"])"}});
    nau::test::check_golden("unit/runtime/golden/v2.txt", nau::test::plan_text(build(spec, facts)));
}

TEST_CASE("what makes no sense is named by its member") {
    struct Case {
        std::vector<std::pair<const char*, const char*>> changes;
        ErrorKind kind;
        const char* error;
    };
    const ErrorKind invalid = ErrorKind::invalid;
    const ErrorKind unsupported = ErrorKind::unsupported;
    const Case cases[] = {
        {{{"/process", "null"}}, invalid, "process: is missing"},
        {{{"/process/args", "[]"}}, invalid, "process: args: is empty"},
        {{{"/process/args", "[\"\"]"}}, invalid, "process: args[0]: is empty"},
        {{{"/process/cwd", "\"work\""}}, invalid, "process: cwd: 'work' is not absolute"},
        {{{"/process/user/uid", "4294967295"}},
         invalid,
         "process: user: uid: 4294967295 is no user"},
        {{{"/process/oomScoreAdj", "1001"}},
         invalid,
         "process: oomScoreAdj: is not between -1000 and 1000"},
        {{{"/process/rlimits/0/type", "\"NOFILE\""}},
         invalid,
         "process: rlimits[0]: type: 'NOFILE' is no resource"},
        {{{"/process/rlimits/0/soft", "5000"}},
         invalid,
         "process: rlimits[0]: soft is larger than hard"},
        {{{"/process/rlimits/1", R"({"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1})"}},
         invalid,
         "process: rlimits[1]: type: 'RLIMIT_NOFILE' is listed twice"},
        {{{"/process/capabilities/bounding/0", "\"CAP_FOO\""}},
         invalid,
         "process: capabilities: bounding[0]: 'CAP_FOO' is no capability"},
        {{{"/process/capabilities/effective", R"(["CAP_CHOWN"])"}},
         invalid,
         "process: capabilities: effective: holds more than 'permitted'"},
        {{{"/process/capabilities/ambient", R"(["CAP_CHOWN"])"}},
         invalid,
         "process: capabilities: ambient: holds more than 'permitted' and 'inheritable' both do"},
        {{{"/process/scheduler", R"({"policy": "SCHED_FAST"})"}},
         invalid,
         "process: scheduler: policy: 'SCHED_FAST' is unknown"},
        {{{"/process/execCPUAffinity", R"({"final": "3-1"})"}},
         invalid,
         "process: execCPUAffinity: final: '3-1' is no list such as 0-3,8"},
        {{{"/annotations", R"({"nau.seccomp": "off"})"}},
         invalid,
         "annotations: nau.seccomp: 'off' is not 'default'"},
        {{{"/linux/namespaces/5", R"({"type": "pid"})"}},
         invalid,
         "linux: namespaces[5]: type: 'pid' is listed twice"},
        {{{"/linux/namespaces/5", R"({"type": "net"})"}},
         invalid,
         "linux: namespaces[5]: type: 'net' is no kind of namespace"},
        {{{"/linux/namespaces/5", R"({"type": "network", "path": "a"})"}},
         invalid,
         "linux: namespaces[5]: path: 'a' is not absolute"},
        {{{"/linux/namespaces", R"([{"type": "pid"}])"}, {"/linux/sysctl", "{}"}},
         unsupported,
         "linux: namespaces: a container without a mount namespace of its own"},
        {{{"/linux/namespaces/3", R"({"type": "time"})"}},
         invalid,
         "hostname: is given without a uts namespace"},
        {{{"/linux/uidMappings", R"([{"containerID": 0, "hostID": 0, "size": 1}])"}},
         invalid,
         "linux: uidMappings: is given without a user namespace"},
        {{{"/linux/namespaces/5", R"({"type": "user"})"}, {"/linux/sysctl", "{}"}},
         invalid,
         "linux: uidMappings: is empty, but there is a new user namespace"},
        {{{"/mounts/0/destination", "\"/\""}},
         invalid,
         "mounts[0]: destination: the root itself cannot be covered"},
        {{{"/mounts/0/destination", "\"\""}}, invalid, "mounts[0]: destination: is empty"},
        {{{"/mounts/0/type", "\"tmpfs\""}},
         invalid,
         "mounts[0]: type: 'tmpfs' may not cover /proc"},
        {{{"/mounts/6/destination", "\"/proc/sys/../sys/kernel\""}},
         invalid,
         "mounts[6]: destination: '/proc/sys/kernel' may not be covered"},
        {{{"/mounts/6/type", "\"\""}}, invalid, "mounts[6]: type: is missing"},
        {{{"/mounts/7/options/3", "\"size=5\""}},
         invalid,
         "mounts[7]: options: 'size' is unknown for a bind mount"},
        {{{"/mounts/7/options/3", "\"idmap\""}},
         invalid,
         "mounts[7]: options: 'idmap' needs uidMappings and gidMappings"},
        {{{"/mounts/7/source", "\"\""}}, invalid, "mounts[7]: source: is empty"},
        {{{"/linux/devices/0/major", "5000"}},
         invalid,
         "linux: devices[0]: 5000:200 is not a device number of Linux"},
        {{{"/linux/devices/0/type", "\"x\""}},
         invalid,
         "linux: devices[0]: type: 'x' is none of c, b, u, p"},
        {{{"/linux/devices/0/path", "\"tun\""}},
         invalid,
         "linux: devices[0]: path: 'tun' is not absolute"},
        {{{"/linux/maskedPaths/0", "\"proc\""}},
         invalid,
         "linux: maskedPaths[0]: 'proc' is not absolute"},
        {{{"/linux/readonlyPaths/0", "\"/x/..\""}},
         invalid,
         "linux: readonlyPaths[0]: is the root itself"},
        {{{"/linux/rootfsPropagation", "\"open\""}},
         invalid,
         "linux: rootfsPropagation: 'open' is no kind of propagation"},
        {{{"/linux/sysctl", R"({"kernel.core_pattern": "|/bin/x"})"}},
         invalid,
         "linux: sysctl: 'kernel.core_pattern' is not a parameter of a namespace"},
        {{{"/linux/sysctl", R"({"net.ipv4.ip_forward+kernel.core_pattern": "1"})"}},
         invalid,
         "linux: sysctl: 'net.ipv4.ip_forward+kernel.core_pattern' is no name of a kernel "
         "parameter"},
        {{{"/linux/sysctl", R"({"net/../kernel/core_pattern": "1"})"}},
         invalid,
         "linux: sysctl: 'net/../kernel/core_pattern' is no name of a kernel parameter"},
        {{{"/linux/sysctl", R"({"net.ipv4.ip_forward": "1\nx"})"}},
         invalid,
         "linux: sysctl: 'net.ipv4.ip_forward' has a value of more than one line"},
        {{{"/linux/sysctl", R"({"kernel.hostname": "x"})"}},
         invalid,
         "linux: sysctl: 'kernel.hostname' is set by the spec's own member"},
        {{{"/linux/namespaces/2", R"({"type": "time"})"}},
         invalid,
         "linux: sysctl: 'kernel/shmmax' belongs to the host: the container has no ipc namespace"},
        {{{"/hooks", R"({"createRuntime": [{"path": "x"}]})"}},
         invalid,
         "hooks: createRuntime[0]: path: 'x' is not absolute"},
        {{{"/hooks", R"({"poststart": [{"path": "/x", "timeout": 0}]})"}},
         invalid,
         "hooks: poststart[0]: timeout: 0 is not greater than zero"},
    };
    for (const Case& test : cases) {
        CAPTURE(test.error);
        try {
            build(with(test.changes));
            FAIL_CHECK("was accepted");
        } catch (const Error& error) {
            CHECK(error.text() == test.error);
            CHECK(error.kind() == test.kind);
        }
    }
}

TEST_CASE("relative sources need a bundle") {
    const auto spec = parse_runtime_spec(kOrdinary);
    CHECK_THROWS_AS(build_init_plan(spec, {.id = "x", .bundle = ""}, hybrid_facts()), Error);
}

TEST_CASE("container paths are cleaned as text") {
    const std::pair<const char*, const char*> table[] = {{"/", ""},
                                                         {"", ""},
                                                         {"/a", "a"},
                                                         {"//a/./b//", "a/b"},
                                                         {"/a/../b", "b"},
                                                         {"/../../etc", "etc"},
                                                         {"a/b", "a/b"},
                                                         {"/a/...", "a/..."}};
    for (const auto& [path, clean] : table) {
        CHECK(clean_container_path(path) == clean);
    }
}
