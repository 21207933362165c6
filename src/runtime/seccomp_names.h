#pragma once

// Names of system calls as numbers, per architecture: libseccomp's tables, and what is newer than
// they are.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nau::runtime {

enum class SeccompArch : uint8_t { x86_64, x86, x32, aarch64, arm };

constexpr uint32_t kX32Bit = 0x40000000;

/// "SCMP_ARCH_X86_64" …; nullopt for an architecture that nau does not run on.
std::optional<SeccompArch> parse_seccomp_arch(const std::string& name) noexcept;
const char* seccomp_arch_name(SeccompArch arch) noexcept;
uint32_t audit_arch(SeccompArch arch) noexcept;
bool is_64_bit(SeccompArch arch) noexcept;

/// Of this build, native first, with those whose calls the same kernel takes.
SeccompArch native_seccomp_arch() noexcept;
std::vector<SeccompArch> seccomp_arch_family();

/// nullopt when the architecture has no such call, or nobody knows it. For x32 with its bit.
std::optional<uint32_t> syscall_number(SeccompArch arch, const std::string& name);

/// 32-bit x86 only: the operation of a call that is also reached through a multiplexer.
struct MultiplexedCall {
    const char* multiplexer;  ///< "socketcall" or "ipc"
    uint32_t operation;
};
std::optional<MultiplexedCall> multiplexed_call(const std::string& name) noexcept;

}  // namespace nau::runtime
