#include "runtime/seccomp_names.h"

#include <array>
#include <linux/audit.h>
#include <seccomp.h>
#include <string_view>

namespace nau::runtime {

namespace {

struct NewCall {
    std::string_view name;
    uint32_t number;
};

/// Since Linux 5.1 a new call has the same number everywhere. Those that the oldest libseccomp in
/// use (2.5.4) lacks, up to Linux 6.19.
constexpr std::array kNewCalls = {
    NewCall{"cachestat", 451},         NewCall{"fchmodat2", 452},
    NewCall{"map_shadow_stack", 453},  NewCall{"futex_wake", 454},
    NewCall{"futex_wait", 455},        NewCall{"futex_requeue", 456},
    NewCall{"statmount", 457},         NewCall{"listmount", 458},
    NewCall{"lsm_get_self_attr", 459}, NewCall{"lsm_set_self_attr", 460},
    NewCall{"lsm_list_modules", 461},  NewCall{"mseal", 462},
    NewCall{"setxattrat", 463},        NewCall{"getxattrat", 464},
    NewCall{"listxattrat", 465},       NewCall{"removexattrat", 466},
    NewCall{"open_tree_attr", 467},    NewCall{"file_getattr", 468},
    NewCall{"file_setattr", 469},      NewCall{"listns", 470},
};

/// Not part of that scheme.
constexpr NewCall kNewX86_64Calls[] = {{"uretprobe", 335}, {"uprobe", 336}};

struct MultiplexedX86Call {
    std::string_view name;
    uint32_t number;  ///< of its own, since Linux 4.3 and 5.1; 0: it has none
    MultiplexedCall through;
};

// include/uapi/linux/net.h and ipc.h; arch/x86/entry/syscalls/syscall_32.tbl
constexpr std::array kMultiplexedX86Calls = {
    MultiplexedX86Call{"socket", 359, {"socketcall", 1}},
    MultiplexedX86Call{"bind", 361, {"socketcall", 2}},
    MultiplexedX86Call{"connect", 362, {"socketcall", 3}},
    MultiplexedX86Call{"listen", 363, {"socketcall", 4}},
    MultiplexedX86Call{"accept", 0, {"socketcall", 5}},
    MultiplexedX86Call{"getsockname", 367, {"socketcall", 6}},
    MultiplexedX86Call{"getpeername", 368, {"socketcall", 7}},
    MultiplexedX86Call{"socketpair", 360, {"socketcall", 8}},
    MultiplexedX86Call{"send", 0, {"socketcall", 9}},
    MultiplexedX86Call{"recv", 0, {"socketcall", 10}},
    MultiplexedX86Call{"sendto", 369, {"socketcall", 11}},
    MultiplexedX86Call{"recvfrom", 371, {"socketcall", 12}},
    MultiplexedX86Call{"shutdown", 373, {"socketcall", 13}},
    MultiplexedX86Call{"setsockopt", 366, {"socketcall", 14}},
    MultiplexedX86Call{"getsockopt", 365, {"socketcall", 15}},
    MultiplexedX86Call{"sendmsg", 370, {"socketcall", 16}},
    MultiplexedX86Call{"recvmsg", 372, {"socketcall", 17}},
    MultiplexedX86Call{"accept4", 364, {"socketcall", 18}},
    MultiplexedX86Call{"recvmmsg", 337, {"socketcall", 19}},
    MultiplexedX86Call{"sendmmsg", 345, {"socketcall", 20}},
    MultiplexedX86Call{"semop", 0, {"ipc", 1}},
    MultiplexedX86Call{"semget", 393, {"ipc", 2}},
    MultiplexedX86Call{"semctl", 394, {"ipc", 3}},
    MultiplexedX86Call{"semtimedop", 0, {"ipc", 4}},
    MultiplexedX86Call{"msgsnd", 400, {"ipc", 11}},
    MultiplexedX86Call{"msgrcv", 401, {"ipc", 12}},
    MultiplexedX86Call{"msgget", 399, {"ipc", 13}},
    MultiplexedX86Call{"msgctl", 402, {"ipc", 14}},
    MultiplexedX86Call{"shmat", 397, {"ipc", 21}},
    MultiplexedX86Call{"shmdt", 398, {"ipc", 22}},
    MultiplexedX86Call{"shmget", 395, {"ipc", 23}},
    MultiplexedX86Call{"shmctl", 396, {"ipc", 24}},
};

const MultiplexedX86Call* find_multiplexed(std::string_view name) noexcept {
    for (const auto& call : kMultiplexedX86Calls) {
        if (call.name == name) {
            return &call;
        }
    }
    return nullptr;
}

struct ArchName {
    SeccompArch arch;
    const char* name;
    uint32_t token;  ///< libseccomp's
    uint32_t audit;
    bool is_64_bit;
};

constexpr std::array kArchNames = {
    ArchName{SeccompArch::x86_64, "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, true},
    ArchName{SeccompArch::x86, "SCMP_ARCH_X86", SCMP_ARCH_X86, AUDIT_ARCH_I386, false},
    // Its arguments are 64-bit registers.
    ArchName{SeccompArch::x32, "SCMP_ARCH_X32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64, true},
    ArchName{
        SeccompArch::aarch64, "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, true},
    ArchName{SeccompArch::arm, "SCMP_ARCH_ARM", SCMP_ARCH_ARM, AUDIT_ARCH_ARM, false},
};

const ArchName& entry_of(SeccompArch arch) noexcept {
    return kArchNames[static_cast<size_t>(arch)];
}

std::optional<uint32_t> new_call_number(SeccompArch arch, std::string_view name) noexcept {
    const uint32_t bit = arch == SeccompArch::x32 ? kX32Bit : 0;
    for (const NewCall& call : kNewCalls) {
        if (call.name == name) {
            return call.number | bit;
        }
    }
    if (arch == SeccompArch::x86_64) {
        for (const NewCall& call : kNewX86_64Calls) {
            if (call.name == name) {
                return call.number;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<SeccompArch> parse_seccomp_arch(const std::string& name) noexcept {
    for (const ArchName& entry : kArchNames) {
        if (name == entry.name) {
            return entry.arch;
        }
    }
    return std::nullopt;
}

const char* seccomp_arch_name(SeccompArch arch) noexcept {
    return entry_of(arch).name;
}
uint32_t audit_arch(SeccompArch arch) noexcept {
    return entry_of(arch).audit;
}
bool is_64_bit(SeccompArch arch) noexcept {
    return entry_of(arch).is_64_bit;
}

SeccompArch native_seccomp_arch() noexcept {
#if defined(__x86_64__)
    return SeccompArch::x86_64;
#elif defined(__aarch64__)
    return SeccompArch::aarch64;
#else
#error "no system call filters for this architecture"
#endif
}

std::vector<SeccompArch> seccomp_arch_family() {
    if (native_seccomp_arch() == SeccompArch::x86_64) {
        return {SeccompArch::x86_64, SeccompArch::x86, SeccompArch::x32};
    }
    return {SeccompArch::aarch64, SeccompArch::arm};
}

std::optional<uint32_t> syscall_number(SeccompArch arch, const std::string& name) {
    if (arch == SeccompArch::x86) {
        // libseccomp answers these with numbers of its own.
        if (const auto* call = find_multiplexed(name)) {
            return call->number != 0 ? std::optional(call->number) : std::nullopt;
        }
    }
    const int number = seccomp_syscall_resolve_name_arch(entry_of(arch).token, name.c_str());
    if (number >= 0) {
        return static_cast<uint32_t>(number);
    }
    // Other negative numbers mean that the architecture does not have the call.
    return number == __NR_SCMP_ERROR ? new_call_number(arch, name) : std::nullopt;
}

std::optional<MultiplexedCall> multiplexed_call(const std::string& name) noexcept {
    if (const auto* call = find_multiplexed(name)) {
        return call->through;
    }
    return std::nullopt;
}

}  // namespace nau::runtime
