#include "engine/oci_runtime/status.h"

#include <cerrno>
#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::engine::oci_runtime {

namespace cgroup = runtime::cgroup;

namespace {

/// Only the process that waits has the FIFO open for reading.
bool is_waiting(const std::string& fifo) {
    const int fd = sys::raw::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
        sys::raw::close(fd);
        return true;
    }
    if (fd == -ENXIO || fd == -ENOENT) {
        return false;
    }
    throw SysError(-fd, "open {}", fifo);
}

}  // namespace

std::string_view to_string(Status status) noexcept {
    switch (status) {
        case Status::creating:
            return "creating";
        case Status::created:
            return "created";
        case Status::running:
            return "running";
        case Status::paused:
            return "paused";
        case Status::stopped:
            return "stopped";
    }
    return "unknown";
}

std::optional<sys::UniqueFd> find_init(const ContainerState& state) {
    if (state.init.pid <= 0 || state.boot_id != sys::boot_id()) {
        return std::nullopt;
    }
    return sys::find_process(state.init);
}

Status find_status(const ContainerDir& directory, const ContainerState& state) {
    if (!find_init(state)) {
        return state.init.pid == 0 && directory.is_locked() ? Status::creating : Status::stopped;
    }
    if (is_waiting(directory.fifo_path())) {
        return Status::created;
    }
    const auto groups = open_groups(state);
    return groups && groups->is_frozen() ? Status::paused : Status::running;
}

std::unique_ptr<cgroup::CgroupManager> open_groups(const ContainerState& state) {
    if (state.cgroup_path.empty()) {
        return nullptr;
    }
    return cgroup::open_cgroup(cgroup::detect_layout(), state.cgroup_path);
}

nlohmann::json state_object(const ContainerState& state, Status status) {
    nlohmann::json object = {
        {"ociVersion", state.oci_version},
        {"id", state.id},
        {"pid", status == Status::stopped ? 0 : state.init.pid},
        {"status", to_string(status)},
        {"bundle", state.bundle},
        {"rootfs", state.rootfs},
        {"created", state.created},
        {"owner", ""},
    };
    if (!state.annotations.empty()) {
        object["annotations"] = state.annotations;
    }
    return object;
}

}  // namespace nau::engine::oci_runtime
