#include "engine/oci_runtime/cgroup_path.h"

#include <climits>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::engine::oci_runtime {

namespace cgroup = runtime::cgroup;

namespace {

constexpr std::string_view kOwnPlace = "/nau-runtime";

bool asks_for_limits(const oci::RuntimeSpec& spec) {
    const auto& resources = spec.linux_.resources;
    return resources &&
           (resources->memory || resources->cpu || resources->pids_limit || resources->block_io ||
            !resources->unified.empty() || !resources->hugepage_limits.empty());
}

/// What the kernel would refuse in the middle of making it, and again in the middle of removing it.
void check_lengths(std::string_view path) {
    constexpr size_t kMaxPath = 3072;  // and room for the mount point and a file's name
    for (const std::string_view name : split(path, '/')) {
        if (name.size() > NAME_MAX) {
            throw Error(ErrorKind::invalid,
                        "linux: cgroupsPath: a name in it has {} bytes, more than {}",
                        name.size(),
                        NAME_MAX);
        }
    }
    if (path.size() > kMaxPath) {
        throw Error(ErrorKind::invalid,
                    "linux: cgroupsPath: has {} bytes, more than {}",
                    path.size(),
                    kMaxPath);
    }
}

}  // namespace

std::string clean_cgroup_path(std::string_view path) {
    std::string clean;
    for (const std::string_view part : split(path, '/')) {
        if (part.empty() || part == ".") {
            continue;
        }
        if (part == "..") {
            clean.erase(clean.empty() ? 0 : clean.rfind('/'));
            continue;
        }
        clean += '/';
        clean += part;
    }
    return clean;
}

CgroupPlace choose_cgroup(const oci::RuntimeSpec& spec,
                          const std::string& id,
                          const cgroup::Layout& layout,
                          bool by_systemd) {
    if (layout.mode == cgroup::Mode::none) {
        if (asks_for_limits(spec)) {
            throw Error(ErrorKind::unsupported,
                        "linux: resources: no cgroup file system is mounted on this machine")
                .with_hint("mount -t cgroup2 cgroup2 /sys/fs/cgroup");
        }
        return {};
    }
    const std::string& path = spec.linux_.cgroups_path;
    if (by_systemd) {
        throw Error(ErrorKind::unsupported, "control groups made by systemd");
    }
    if (path.empty()) {
        return {.path = fmt::format("{}/{}", kOwnPlace, id), .systemd_scope = {}};
    }
    std::string clean = clean_cgroup_path(
        path.front() == '/' ? path : fmt::format("{}/{}", kOwnPlace, clean_cgroup_path(path)));
    if (clean.empty()) {
        throw Error(
            ErrorKind::invalid, "linux: cgroupsPath: '{}' is the root of all control groups", path);
    }
    check_lengths(clean);
    return {.path = std::move(clean), .systemd_scope = {}};
}

}  // namespace nau::engine::oci_runtime
