#include "engine/spec/devices.h"

#include <string_view>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fmt/core.h>

#include "base/error.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

ResolvedDevice describe(const struct ::stat& status,
                        const std::string& container_path,
                        const std::string& permissions) {
    return {.node = {.type = S_ISBLK(status.st_mode) ? "b" : "c",
                     .path = container_path,
                     .major = static_cast<int64_t>(major(status.st_rdev)),
                     .minor = static_cast<int64_t>(minor(status.st_rdev)),
                     .file_mode = static_cast<uint32_t>(status.st_mode & 07777U),
                     .uid = status.st_uid,
                     .gid = status.st_gid},
            .permissions = permissions};
}

bool is_device(const struct ::stat& status) noexcept {
    return S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
}

/// What the container gets of its own, and what is no device of the machine.
bool is_made_anyway(std::string_view name) noexcept {
    for (const std::string_view own : {"pts",
                                       "shm",
                                       "mqueue",
                                       "console",
                                       "ptmx",
                                       "fd",
                                       "null",
                                       "zero",
                                       "full",
                                       "random",
                                       "urandom",
                                       "tty",
                                       ".udev",
                                       ".lxc"}) {
        if (name == own) {
            return true;
        }
    }
    return false;
}

void collect_devices(const std::string& directory,
                     bool is_top,
                     std::vector<ResolvedDevice>& devices) {
    for (const auto& entry : sys::list_directory(directory)) {
        if (is_top && is_made_anyway(entry.name)) {
            continue;
        }
        const std::string path = fmt::format("{}/{}", directory, entry.name);
        const auto status = sys::lstat_if_exists(path);
        if (!status) {
            continue;
        }
        if (S_ISDIR(status->st_mode)) {
            collect_devices(path, false, devices);
        } else if (is_device(*status)) {
            devices.push_back(describe(*status, path, "rwm"));
        }
    }
}

}  // namespace

namespace {

struct DeviceId {
    int64_t major = 0;
    int64_t minor = 0;
};

DeviceId find_block_device(const std::string& path) {
    const auto status = sys::stat_if_exists(path);
    if (!status) {
        throw Error(ErrorKind::not_found, "block device '{}' does not exist", path);
    }
    if (!S_ISBLK(status->st_mode)) {
        throw Error(ErrorKind::invalid, "'{}' is no block device", path);
    }
    return {.major = static_cast<int64_t>(major(status->st_rdev)),
            .minor = static_cast<int64_t>(minor(status->st_rdev))};
}

std::vector<oci::spec::ThrottleDevice> throttle(const std::vector<DeviceNumber>& devices) {
    std::vector<oci::spec::ThrottleDevice> limits;
    for (const auto& device : devices) {
        const DeviceId id = find_block_device(device.path);
        limits.push_back({.major = id.major, .minor = id.minor, .rate = device.number});
    }
    return limits;
}

}  // namespace

std::optional<oci::spec::BlockIoResources> resolve_block_io(const BlockIoOptions& options) {
    if (!options.weight && options.weights.empty() && options.read_bytes.empty() &&
        options.write_bytes.empty() && options.reads.empty() && options.writes.empty()) {
        return std::nullopt;
    }
    oci::spec::BlockIoResources resources;
    resources.weight = options.weight;
    for (const auto& device : options.weights) {
        const DeviceId id = find_block_device(device.path);
        resources.weight_device.push_back({.major = id.major,
                                           .minor = id.minor,
                                           .weight = static_cast<uint16_t>(device.number),
                                           .leaf_weight = {}});
    }
    resources.throttle_read_bps_device = throttle(options.read_bytes);
    resources.throttle_write_bps_device = throttle(options.write_bytes);
    resources.throttle_read_iops_device = throttle(options.reads);
    resources.throttle_write_iops_device = throttle(options.writes);
    return resources;
}

std::vector<ResolvedDevice> resolve_devices(const CreateOptions& options) {
    std::vector<ResolvedDevice> devices;
    if (options.security.is_privileged) {
        collect_devices("/dev", true, devices);
    }
    for (const auto& request : options.devices) {
        const auto status = sys::stat_if_exists(request.host_path);
        if (!status) {
            throw Error(ErrorKind::not_found, "device '{}' does not exist", request.host_path);
        }
        if (!is_device(*status)) {
            throw Error(ErrorKind::invalid, "'{}' is no device", request.host_path)
                .with_hint("mount files and directories with -v");
        }
        const std::string& path =
            request.container_path.empty() ? request.host_path : request.container_path;
        devices.push_back(describe(*status, path, request.permissions));
    }
    return devices;
}

}  // namespace nau::engine
