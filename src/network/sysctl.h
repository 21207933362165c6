#pragma once

// Kernel parameters below /proc/sys/net, of the calling thread's network namespace.

#include <string>
#include <string_view>

namespace nau::network {

/// "net/ipv4/ip_forward" → its value without the line end; empty when there is none.
std::string read_sysctl(std::string_view name);
/// Reads first: most of the time it is right, and reading costs nothing. @throws SysError saying
/// which parameter could not be set
void ensure_sysctl(std::string_view name, std::string_view value);
/// Nothing when the kernel does not have it (no IPv6). @throws SysError
void write_sysctl_if_exists(std::string_view name, std::string_view value);

}  // namespace nau::network
