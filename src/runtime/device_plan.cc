#include "runtime/device_plan.h"

#include <algorithm>
#include <array>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <utility>

#include <fmt/core.h>

#include "runtime/plan_builder.h"
#include "runtime/spec_error.h"

namespace nau::runtime {

namespace {

using oci::RuntimeSpec;

struct DefaultDevice {
    const char* name;
    unsigned major;
    unsigned minor;
};

// runtime-spec, config-linux.md, "Default Devices"
constexpr std::array kDefaultDevices = {
    DefaultDevice{"null", 1, 3},
    DefaultDevice{"zero", 1, 5},
    DefaultDevice{"full", 1, 7},
    DefaultDevice{"random", 1, 8},
    DefaultDevice{"urandom", 1, 9},
    DefaultDevice{"tty", 5, 0},
};

// runtime-spec, runtime-linux.md, "Dev symbolic links"; ptmx from config-linux.md
constexpr std::array<std::pair<const char*, const char*>, 5> kDevSymlinks = {{
    {"fd", "/proc/self/fd"},
    {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"},
    {"ptmx", "pts/ptmx"},
}};

mode_t device_type(const oci::spec::Device& device, const std::string& member) {
    if (device.type == "c" || device.type == "u") {
        return S_IFCHR;
    }
    if (device.type == "b") {
        return S_IFBLK;
    }
    if (device.type == "p") {
        return S_IFIFO;
    }
    fail(member, fmt::format("type: '{}' is none of c, b, u, p", device.type));
}

DeviceNode to_node(const oci::spec::Device& device, const std::string& member) {
    // The kernel's dev_t: 12 bits of major, 20 of minor.
    if (device.major < 0 || device.major > 0xfff || device.minor < 0 || device.minor > 0xfffff) {
        fail(member,
             fmt::format("{}:{} is not a device number of Linux", device.major, device.minor));
    }
    if (device.path.empty() || device.path.front() != '/') {
        fail(member, fmt::format("path: '{}' is not absolute", device.path));
    }
    return DeviceNode{clean_container_path(device.path),
                      device_type(device, member) | (device.file_mode.value_or(0666) & 07777),
                      static_cast<unsigned>(device.major),
                      static_cast<unsigned>(device.minor),
                      device.uid.value_or(0),
                      device.gid.value_or(0)};
}

std::vector<DeviceNode> collect_devices(const RuntimeSpec& spec) {
    std::vector<DeviceNode> nodes;
    for (const auto& device : kDefaultDevices) {
        nodes.push_back(
            {fmt::format("dev/{}", device.name), S_IFCHR | 0666, device.major, device.minor, 0, 0});
    }
    for (size_t i = 0; i < spec.linux_.devices.size(); ++i) {
        DeviceNode node = to_node(spec.linux_.devices[i], fmt::format("linux: devices[{}]", i));
        std::erase_if(nodes, [&](const DeviceNode& other) { return other.path == node.path; });
        nodes.push_back(std::move(node));
    }
    return nodes;
}

/// A device of the host bound to where mknod is not allowed.
void bind_device(const DeviceNode& node, InitPlan& plan) {
    MountStep step;
    step.kind = MountKind::bind;
    step.member = "linux: devices";
    step.target = node.path;
    step.no_symlinks = true;
    step.propagation = MS_PRIVATE;
    step.source = plan.sources.size();
    plan.sources.push_back(
        {.path = "/" + node.path, .is_recursive = false, .member = "linux: devices"});
    plan.mounts.push_back(std::move(step));
}

}  // namespace

/// Device nodes and links go into a new /dev before it is attached; otherwise into the root's own
/// /dev. A /dev that is bound from the host is left alone.
void plan_dev(const RuntimeSpec& spec, const OwnNamespaces& own, InitPlan& plan) {
    const auto dev = std::find_if(plan.mounts.begin(), plan.mounts.end(), [](const MountStep& m) {
        return m.target == "dev";
    });
    if (dev != plan.mounts.end() && dev->kind == MountKind::bind) {
        return;
    }
    const bool is_new = dev != plan.mounts.end();
    const size_t dev_index = static_cast<size_t>(dev - plan.mounts.begin());
    if (is_new) {
        dev->is_dev = true;
    }
    for (auto& node : collect_devices(spec)) {
        const bool is_in_dev = node.path.rfind("dev/", 0) == 0;
        if (own.has(CLONE_NEWUSER) && !S_ISFIFO(node.mode)) {
            bind_device(node, plan);
        } else if (is_new && is_in_dev) {
            node.path = node.path.substr(4);
            plan.mounts[dev_index].devices.push_back(std::move(node));
        } else {
            plan.devices.push_back(std::move(node));
        }
    }
    for (const auto& [name, target] : kDevSymlinks) {
        if (is_new) {
            plan.mounts[dev_index].symlinks.push_back({name, target});
        } else {
            plan.symlinks.push_back({fmt::format("dev/{}", name), target});
        }
    }
}

}  // namespace nau::runtime
