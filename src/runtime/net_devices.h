#pragma once

// linux.netDevices: network devices of the runtime's namespace become the container's, with their
// addresses, and are up there (runtime-spec 1.3, config-linux.md, "Network Devices").

#include <vector>

#include "runtime/plan.h"
#include "sys/unique_fd.h"

namespace nau::runtime {

/// All are looked up before the first is moved. @pre the caller is single-threaded: it enters the
/// namespace for a moment. @throws Error naming the device
void move_net_devices(const std::vector<NetDeviceMove>& moves,
                      const sys::UniqueFd& network_namespace);

}  // namespace nau::runtime
