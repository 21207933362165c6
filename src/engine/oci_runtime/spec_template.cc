#include "engine/oci_runtime/spec_template.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "oci/runtime_spec.h"
#include "sys/file.h"

namespace nau::engine::oci_runtime {

using Json = nlohmann::json;

namespace {

constexpr const char* kTemplate = R"({
  "process": {
    "terminal": true,
    "user": {"uid": 0, "gid": 0},
    "args": ["sh"],
    "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    "cwd": "/",
    "capabilities": {
      "bounding": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "effective": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "permitted": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    },
    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
    "noNewPrivileges": true
  },
  "root": {"path": "rootfs", "readonly": true},
  "hostname": "nau",
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
     "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
     "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs",
     "options": ["nosuid", "noexec", "nodev", "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
     "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}
  ],
  "linux": {
    "resources": {"devices": [{"allow": false, "access": "rwm"}]},
    "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"},
                   {"type": "mount"}, {"type": "cgroup"}],
    "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
                    "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                    "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
    "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
  }
})";

/// What only the real root may do is left out.
void make_rootless(Json& spec) {
    auto& linux_spec = spec["linux"];
    linux_spec["namespaces"].push_back({{"type", "user"}});
    std::erase_if(linux_spec["namespaces"].get_ref<Json::array_t&>(),
                  [](const Json& ns) { return ns["type"] == "network"; });
    linux_spec["uidMappings"] = {{{"containerID", 0}, {"hostID", ::geteuid()}, {"size", 1}}};
    linux_spec["gidMappings"] = {{{"containerID", 0}, {"hostID", ::getegid()}, {"size", 1}}};
    linux_spec.erase("resources");
    for (Json& mount : spec["mounts"]) {
        if (mount["destination"] == "/sys") {
            mount = {{"destination", "/sys"},
                     {"type", "none"},
                     {"source", "/sys"},
                     {"options", {"rbind", "nosuid", "noexec", "nodev", "ro"}}};
        } else if (mount["destination"] == "/dev/pts") {
            mount["options"].erase(mount["options"].size() - 1);  // gid=5 is not mapped
        }
    }
    std::erase_if(spec["mounts"].get_ref<Json::array_t&>(),
                  [](const Json& mount) { return mount["type"] == "cgroup"; });
}

}  // namespace

std::string spec_template(Rootless rootless) {
    Json spec = json::parse(kTemplate, "template");
    spec["ociVersion"] = oci::kRuntimeSpecVersion;
    if (rootless == Rootless::yes) {
        make_rootless(spec);
    }
    return json::to_pretty_text(spec) + "\n";
}

void write_spec_template(const std::string& bundle, Rootless rootless) {
    const std::string path = fmt::format("{}/config.json", bundle.empty() ? "." : bundle);
    const sys::UniqueFd file = sys::open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
    sys::write_all(file.get(), spec_template(rootless));
}

}  // namespace nau::engine::oci_runtime
