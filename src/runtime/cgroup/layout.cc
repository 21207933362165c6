#include <algorithm>
#include <cerrno>
#include <linux/magic.h>
#include <optional>
#include <sys/statfs.h>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/parse.h"
#include "runtime/cgroup/cgroup.h"
#include "sys/file.h"
#include "sys/mount.h"

namespace nau::runtime::cgroup {

namespace {

constexpr const char* kRoot = "/sys/fs/cgroup";
constexpr size_t kMaxCgroupFile = 1024 * 1024;
constexpr size_t kMaxMountinfo = 64 * 1024 * 1024;

/// One line of /proc/self/cgroup: "4:cpu,cpuacct:/path", "1:name=systemd:/", "0::/path".
struct Membership {
    std::vector<std::string> controllers;
    std::string name;
    std::string path;
    bool is_unified = false;
};

std::vector<Membership> parse_memberships(std::string_view text) {
    std::vector<Membership> memberships;
    for (const std::string_view line : split(text, '\n')) {
        const auto number = split_once(line, ':');
        if (!number) {
            continue;
        }
        const auto rest = split_once(number->second, ':');
        if (!rest) {
            continue;
        }
        Membership membership;
        membership.path = rest->second;
        membership.is_unified = number->first == "0" && rest->first.empty();
        for (const std::string_view word : split(rest->first, ',')) {
            if (word.substr(0, 5) == "name=") {
                membership.name = word.substr(5);
            } else if (!word.empty()) {
                membership.controllers.emplace_back(word);
            }
        }
        memberships.push_back(std::move(membership));
    }
    return memberships;
}

void decide_mode(Layout& layout) noexcept {
    if (layout.hierarchies.empty()) {
        layout.mode = layout.unified_mount.empty() ? Mode::none : Mode::v2;
    } else {
        layout.mode = layout.unified_mount.empty() ? Mode::v1 : Mode::hybrid;
    }
}

std::optional<long> file_system_type(const std::string& path) {
    struct ::statfs status;
    if (::statfs(path.c_str(), &status) != 0) {
        return std::nullopt;
    }
    return static_cast<long>(status.f_type);
}

bool is_cgroup2(const std::string& path) {
    return file_system_type(path) == long{CGROUP2_SUPER_MAGIC};
}

/// Where every distribution mounts them, so that the mount table, which may be long, need not be
/// read. nullopt if something is elsewhere.
std::optional<Layout> look_at_usual_places(const std::vector<Membership>& memberships) {
    Layout layout;
    if (is_cgroup2(kRoot)) {
        layout.unified_mount = kRoot;
    } else if (const std::string unified = fmt::format("{}/unified", kRoot); is_cgroup2(unified)) {
        layout.unified_mount = unified;
    }
    for (const Membership& membership : memberships) {
        if (membership.is_unified) {
            layout.unified_own_path = membership.path;
            continue;
        }
        Hierarchy hierarchy{.controllers = membership.controllers,
                            .name = membership.name,
                            .mount_point = {},
                            .mount_root = "/",
                            .own_path = membership.path};
        const std::string name = membership.name.empty()
                                     ? fmt::format("{}", fmt::join(membership.controllers, ","))
                                     : membership.name;
        hierarchy.mount_point = fmt::format("{}/{}", kRoot, name);
        if (file_system_type(hierarchy.mount_point) != long{CGROUP_SUPER_MAGIC} ||
            !sys::file_exists(hierarchy.mount_point + hierarchy.own_path)) {
            return std::nullopt;
        }
        layout.hierarchies.push_back(std::move(hierarchy));
    }
    if (!layout.unified_mount.empty() &&
        !sys::file_exists(layout.unified_mount + layout.unified_own_path)) {
        return std::nullopt;
    }
    decide_mode(layout);
    return layout;
}

void add_mount(const sys::MountInfo& mount,
               const std::vector<Membership>& memberships,
               Layout& layout) {
    if (mount.type == "cgroup2") {
        if (layout.unified_mount.empty()) {
            layout.unified_mount = mount.mount_point;
        }
        return;
    }
    const auto options = split(mount.super_options, ',');
    for (const Membership& membership : memberships) {
        if (membership.is_unified) {
            continue;
        }
        const std::string first = membership.name.empty() ? membership.controllers.front()
                                                          : fmt::format("name={}", membership.name);
        if (std::find(options.begin(), options.end(), first) == options.end()) {
            continue;
        }
        const bool is_known = std::any_of(
            layout.hierarchies.begin(), layout.hierarchies.end(), [&](const Hierarchy& known) {
                return known.name == membership.name && known.controllers == membership.controllers;
            });
        if (!is_known) {
            layout.hierarchies.push_back({.controllers = membership.controllers,
                                          .name = membership.name,
                                          .mount_point = mount.mount_point,
                                          .mount_root = mount.root,
                                          .own_path = membership.path});
        }
    }
}

void read_unified_controllers(Layout& layout) {
    if (layout.unified_mount.empty()) {
        return;
    }
    // A variable of its own: the words borrow it.
    const std::string text =
        sys::read_file_if_exists(layout.unified_mount + "/cgroup.controllers", kMaxCgroupFile)
            .value_or("");
    for (const std::string_view word : split(trim(text), ' ')) {
        if (!word.empty()) {
            layout.unified_controllers.emplace_back(word);
        }
    }
}

}  // namespace

std::string_view to_string(Mode mode) noexcept {
    switch (mode) {
        case Mode::none:
            return "none";
        case Mode::v1:
            return "v1";
        case Mode::hybrid:
            return "hybrid";
        case Mode::v2:
            return "v2";
    }
    return "none";
}

Layout parse_layout(std::string_view mountinfo, std::string_view self_cgroup) {
    const std::vector<Membership> memberships = parse_memberships(self_cgroup);
    Layout layout;
    for (const Membership& membership : memberships) {
        if (membership.is_unified) {
            layout.unified_own_path = membership.path;
        }
    }
    for (const sys::MountInfo& mount : sys::parse_mountinfo(mountinfo)) {
        if (mount.type == "cgroup" || mount.type == "cgroup2") {
            add_mount(mount, memberships, layout);
        }
    }
    decide_mode(layout);
    return layout;
}

Layout detect_layout() {
    const std::string self_cgroup = sys::read_file("/proc/self/cgroup", kMaxCgroupFile);
    auto layout = look_at_usual_places(parse_memberships(self_cgroup));
    if (!layout) {
        layout = parse_layout(sys::read_file("/proc/self/mountinfo", kMaxMountinfo), self_cgroup);
    }
    read_unified_controllers(*layout);
    return std::move(*layout);
}

}  // namespace nau::runtime::cgroup
