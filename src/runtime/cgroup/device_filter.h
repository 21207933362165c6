#pragma once

// Device rules of the spec as an eBPF program for cgroup v2, where there are no files for them. The
// kernel runs it at each open and mknod of a device with the kind, the numbers and the kind of
// access; 1 permits.

#include <cstdint>
#include <string>
#include <vector>

#include "oci/runtime_spec.h"
#include "sys/unique_fd.h"

namespace nau::runtime::cgroup {

/// One instruction as the kernel reads it (struct bpf_insn).
struct BpfInstruction {
    uint8_t code = 0;
    uint8_t registers = 0;  ///< destination in the low, source in the high four bits
    int16_t offset = 0;
    int32_t immediate = 0;
};

/// Rules apply in order and the last one that matches decides, as writing them one by one to
/// devices.allow and devices.deny does; without any, everything is denied.
std::vector<BpfInstruction> build_device_program(const std::vector<oci::spec::DeviceRule>& rules);

/// Whether the rules permit everything, so that no program is needed.
bool permits_everything(const std::vector<oci::spec::DeviceRule>& rules);

/// Loads the program and attaches it to the group; it goes with the group. @throws SysError
void attach_device_program(const std::string& directory,
                           const std::vector<oci::spec::DeviceRule>& rules);

}  // namespace nau::runtime::cgroup
