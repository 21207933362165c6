#pragma once

// linux.intelRdt: a task's class of service and its monitoring group in the resctrl file system,
// where the machine has one mounted.

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "oci/runtime_spec.h"

namespace nau::runtime {

/// Lines for the schemata file, pure. @throws Error{invalid}
std::vector<std::string> plan_schemata(const oci::spec::IntelRdt& rdt);

/// Makes the group (closID, or else `id`), sets it up, and moves the process in.
/// @throws Error{unsupported} where resctrl is not mounted; SysError
void join_intel_rdt(const oci::spec::IntelRdt& rdt, const std::string& id, pid_t pid);
/// The same below a directory, for tests.
void join_intel_rdt_at(const std::string& root,
                       const oci::spec::IntelRdt& rdt,
                       const std::string& id,
                       pid_t pid);

/// Removes what join made: the group only if it is the task's own, one that closID names stays.
/// Absent is fine.
void remove_intel_rdt(const oci::spec::IntelRdt& rdt, const std::string& id) noexcept;
void remove_intel_rdt_at(const std::string& root,
                         const oci::spec::IntelRdt& rdt,
                         const std::string& id) noexcept;

/// Where resctrl is mounted; empty: nowhere. From the text of /proc/self/mountinfo.
std::string find_resctrl(std::string_view mountinfo);

}  // namespace nau::runtime
