#pragma once

// What a container is doing, asked of the kernel.
//
//   creating   no process yet, and its create still holds the lock
//   created    the first process waits at its FIFO
//   running
//   paused     its control group is frozen
//   stopped    no first process (any more)

#include <memory>
#include <optional>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "engine/oci_runtime/container_dir.h"
#include "runtime/cgroup/cgroup.h"
#include "sys/unique_fd.h"

namespace nau::engine::oci_runtime {

enum class Status { creating, created, running, paused, stopped };

std::string_view to_string(Status status) noexcept;

/// The first process, verified by start time and boot; nullopt when it has ended.
std::optional<sys::UniqueFd> find_init(const ContainerState& state);

Status find_status(const ContainerDir& directory, const ContainerState& state);

/// The container's groups; null when it has none.
std::unique_ptr<runtime::cgroup::CgroupManager> open_groups(const ContainerState& state);

/// The spec's "state" object, with what runc adds to it: rootfs, created, owner.
nlohmann::json state_object(const ContainerState& state, Status status);

}  // namespace nau::engine::oci_runtime
