#include "runtime/seccomp.h"

#include <algorithm>
#include <cerrno>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <random>
#include <seccomp.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "base/error.h"
#include "runtime/seccomp_names.h"
#include "runtime/seccomp_program.h"
#include "tests/unit/runtime/bpf_interpreter.h"

using namespace nau::runtime;
using nau::sys::CapabilitySet;
using nau::test::run_seccomp;
using nau::test::SeccompCall;

namespace {

constexpr uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

SeccompCall call_of(SeccompArch arch, const char* name, std::vector<uint64_t> args = {}) {
    SeccompCall call;
    call.audit_arch = audit_arch(arch);
    call.number = syscall_number(arch, name).value();
    std::copy(args.begin(), args.end(), call.args);
    return call;
}

uint32_t verdict(const SeccompFilter& filter, const SeccompCall& call) {
    return run_seccomp(filter.program, call).action;
}

CapabilitySet capabilities(std::initializer_list<int> list) {
    CapabilitySet set;
    for (const int capability : list) {
        set.add(static_cast<unsigned>(capability));
    }
    return set;
}

/// What libseccomp makes of a profile for one architecture, as the field's runtimes would use it.
std::vector<uint64_t> filter_of_libseccomp(const nau::oci::spec::Seccomp& profile, uint32_t arch) {
    const auto action = [](const std::string& name, std::optional<uint32_t> error) -> uint32_t {
        if (name == "SCMP_ACT_ALLOW") {
            return SCMP_ACT_ALLOW;
        }
        if (name == "SCMP_ACT_ERRNO") {
            return SCMP_ACT_ERRNO(error.value_or(EPERM));
        }
        return SCMP_ACT_LOG;
    };
    const auto op = [](const std::string& name) {
        return name == "SCMP_CMP_NE"   ? SCMP_CMP_NE
               : name == "SCMP_CMP_LT" ? SCMP_CMP_LT
               : name == "SCMP_CMP_LE" ? SCMP_CMP_LE
               : name == "SCMP_CMP_EQ" ? SCMP_CMP_EQ
               : name == "SCMP_CMP_GE" ? SCMP_CMP_GE
               : name == "SCMP_CMP_GT" ? SCMP_CMP_GT
                                       : SCMP_CMP_MASKED_EQ;
    };
    scmp_filter_ctx context =
        seccomp_init(action(profile.default_action, profile.default_errno_ret));
    REQUIRE(context != nullptr);
    seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (arch != SCMP_ARCH_NATIVE) {
        REQUIRE(seccomp_arch_add(context, arch) == 0);
        REQUIRE(seccomp_arch_remove(context, SCMP_ARCH_NATIVE) == 0);
    }
    for (const auto& call : profile.syscalls) {
        std::vector<scmp_arg_cmp> args;
        for (const auto& arg : call.args) {
            args.push_back({arg.index, op(arg.op), arg.value, arg.value_two});
        }
        for (const auto& name : call.names) {
            // Always the native number: libseccomp translates it.
            const int number = seccomp_syscall_resolve_name(name.c_str());
            if (number == __NR_SCMP_ERROR ||
                action(call.action, call.errno_ret) ==
                    action(profile.default_action, profile.default_errno_ret)) {
                continue;
            }
            // Names that the architecture lacks are refused; the field ignores that.
            (void)seccomp_rule_add_array(context,
                                         action(call.action, call.errno_ret),
                                         number,
                                         static_cast<unsigned>(args.size()),
                                         args.data());
        }
    }
    const int fd = memfd_create("bpf", 0);
    REQUIRE(seccomp_export_bpf(context, fd) == 0);
    std::vector<uint64_t> program(static_cast<size_t>(lseek(fd, 0, SEEK_END)) / 8);
    REQUIRE(pread(fd, program.data(), program.size() * 8, 0) ==
            static_cast<ssize_t>(program.size() * 8));
    close(fd);
    seccomp_release(context);
    return program;
}

std::vector<uint64_t> interesting_values() {
    return {0,          1,          2,           8,           31,          32,
            35,         36,         37,          38,          39,          40,
            41,         42,         45,          46,          0x11,        0x20000,
            0x20008,    0x40000,    0x10000000,  0x02000000,  0x7e020000,  0x80000000,
            0xfffffffe, 0xffffffff, 0x100000000, 0x100000026, 0x10000002a, 0xffffffffffffffff};
}

}  // namespace

TEST_CASE("the assembler judges as a plain look at the rules does") {
    std::mt19937 random(7);
    const auto values = interesting_values();
    const auto pick = [&](size_t n) { return random() % n; };
    for (int round = 0; round < 200; ++round) {
        SeccompArchRules rules;
        rules.audit_arch = AUDIT_ARCH_X86_64;
        rules.is_64_bit = round % 4 != 0;
        rules.default_action = kEperm;
        const size_t count = round < 100 ? pick(30) : pick(700);
        for (size_t i = 0; i < count; ++i) {
            SeccompRule rule;
            rule.number = static_cast<uint32_t>(pick(round < 100 ? 40 : 2000));
            rule.action = SECCOMP_RET_ERRNO | static_cast<uint32_t>(pick(4) + 10);
            for (size_t k = pick(3); k > 0 && pick(2) == 0; --k) {
                rule.conditions.push_back({static_cast<uint8_t>(pick(3)),
                                           static_cast<SeccompOp>(pick(7)),
                                           values[pick(values.size())],
                                           values[pick(values.size())]});
            }
            rules.rules.push_back(std::move(rule));
        }
        if (pick(2) == 0) {
            rules.regions.push_back({static_cast<uint32_t>(pick(1000) + 1), kEnosys});
            rules.regions.push_back({rules.regions.back().first + 500, SECCOMP_RET_TRAP});
        }
        const auto program = assemble_seccomp({rules}, SECCOMP_RET_KILL_PROCESS);

        for (int probe = 0; probe < 300; ++probe) {
            SeccompCall call;
            call.audit_arch = AUDIT_ARCH_X86_64;
            call.number = probe == 0 ? UINT32_MAX : static_cast<uint32_t>(pick(2100));
            for (auto& arg : call.args) {
                arg = values[pick(values.size())];
                if (!rules.is_64_bit) {
                    arg &= UINT32_MAX;
                }
            }
            uint32_t expected = rules.default_action;
            for (const auto& region : rules.regions) {
                expected = call.number >= region.first ? region.default_action : expected;
            }
            const auto holds = [&](const SeccompCondition& c) {
                const uint64_t mask = rules.is_64_bit ? UINT64_MAX : UINT32_MAX;
                const uint64_t value = c.value & mask;
                const uint64_t arg = call.args[c.index];
                switch (c.op) {
                    case SeccompOp::equal:
                        return arg == value;
                    case SeccompOp::not_equal:
                        return arg != value;
                    case SeccompOp::less:
                        return arg < value;
                    case SeccompOp::less_or_equal:
                        return arg <= value;
                    case SeccompOp::greater:
                        return arg > value;
                    case SeccompOp::greater_or_equal:
                        return arg >= value;
                    case SeccompOp::masked_equal:
                        return (arg & value) == (c.value_two & mask);
                }
                return false;
            };
            bool is_decided = false;
            for (const auto& rule : rules.rules) {
                if (!is_decided && rule.number == call.number && rule.conditions.empty()) {
                    expected = rule.action;
                    is_decided = true;
                }
            }
            for (const auto& rule : rules.rules) {
                if (rule.number == call.number && !rule.conditions.empty() &&
                    std::all_of(rule.conditions.begin(), rule.conditions.end(), holds)) {
                    expected = rule.action;
                    break;
                }
            }
            CAPTURE(round);
            CAPTURE(call.number);
            REQUIRE(run_seccomp(program, call).action == expected);
        }
    }
}

TEST_CASE("a filter that is too long for the kernel is refused") {
    SeccompArchRules rules;
    rules.audit_arch = AUDIT_ARCH_X86_64;
    for (uint32_t i = 0; i < 3000; ++i) {
        rules.rules.push_back({i * 2, SECCOMP_RET_ERRNO | (i % 100), {}});
    }
    CHECK_THROWS_AS(assemble_seccomp({rules}, 0), nau::Error);
}

TEST_CASE("the table made at build time is the default profile") {
    for (const auto& set : {capabilities({}),
                            capabilities({CAP_SYS_CHROOT, CAP_CHOWN}),
                            capabilities({CAP_SYS_ADMIN}),
                            capabilities({CAP_SYS_PTRACE, CAP_SYS_TIME, CAP_BPF}),
                            CapabilitySet::all_up_to(40)}) {
        const auto built = build_default_seccomp_filter(set);
        CHECK(built.program == build_seccomp_filter(default_seccomp_profile(set)).program);
        CHECK(built.program.size() < 1000);
        CHECK(built.flags == 0);
    }
}

TEST_CASE("the default profile judges every call as libseccomp's filter of it does") {
    struct Arch {
        SeccompArch arch;
        uint32_t token;
        uint32_t first;
    };
    const Arch archs[] = {{SeccompArch::x86_64, SCMP_ARCH_NATIVE, 0},
                          {SeccompArch::x86, SCMP_ARCH_X86, 0},
                          {SeccompArch::x32, SCMP_ARCH_X32, kX32Bit}};
    for (const auto& set : {capabilities({CAP_SYS_CHROOT}), capabilities({CAP_SYS_ADMIN})}) {
        const auto profile = default_seccomp_profile(set);
        const auto ours = build_default_seccomp_filter(set);
        for (const Arch& arch : archs) {
            const auto theirs = filter_of_libseccomp(profile, arch.token);
            for (uint32_t number = arch.first; number < arch.first + 460; ++number) {
                for (const uint64_t value : interesting_values()) {
                    SeccompCall call;
                    call.audit_arch = audit_arch(arch.arch);
                    call.number = number;
                    call.args[0] = value;
                    call.args[1] = value;
                    // For x32 libseccomp looks at half of each register only; we look at all.
                    if (arch.arch != SeccompArch::x86_64) {
                        call.args[0] &= UINT32_MAX;
                        call.args[1] &= UINT32_MAX;
                    }
                    const uint32_t own = run_seccomp(ours.program, call).action;
                    uint32_t other = run_seccomp(theirs, call).action;
                    // What libseccomp's tables do not hold it refuses with the default; we know it.
                    char* name = seccomp_syscall_resolve_num_arch(
                        arch.token == SCMP_ARCH_NATIVE ? seccomp_arch_native() : arch.token,
                        static_cast<int>(number));
                    const bool is_newer = name == nullptr;
                    free(name);
                    if (own != other && is_newer && own == SECCOMP_RET_ALLOW) {
                        other = own;
                    }
                    CAPTURE(std::string(seccomp_arch_name(arch.arch)));
                    CAPTURE(number);
                    CAPTURE(value);
                    REQUIRE(own == other);
                }
            }
        }
    }
}

TEST_CASE("the default profile") {
    const auto filter = build_default_seccomp_filter(capabilities({CAP_SYS_CHROOT}));
    const auto of = [&](const char* name, std::vector<uint64_t> args = {}) {
        return verdict(filter, call_of(SeccompArch::x86_64, name, std::move(args)));
    };
    SUBCASE("lets ordinary calls pass after few steps") {
        for (const char* name :
             {"read", "write", "openat", "execve", "futex", "mseal", "openat2"}) {
            CAPTURE(name);
            const auto result = run_seccomp(filter.program, call_of(SeccompArch::x86_64, name));
            CHECK(result.action == SECCOMP_RET_ALLOW);
            CHECK(result.steps <= 14);
        }
    }
    SUBCASE("refuses AF_ALG and AF_VSOCK, also with bits that the kernel does not look at") {
        CHECK(of("socket", {2}) == SECCOMP_RET_ALLOW);
        CHECK(of("socket", {45}) == SECCOMP_RET_ALLOW);
        CHECK(of("socket", {38}) == kEperm);
        CHECK(of("socket", {40}) == kEperm);
        CHECK(of("socket", {0x100000000 | 38}) == kEperm);
        CHECK(of("socket", {0xdeadbeef00000000 | 40}) == kEperm);
        CHECK(of("socket", {0xdeadbeef00000000 | 2}) == SECCOMP_RET_ALLOW);
        CHECK(verdict(filter, call_of(SeccompArch::x86, "socket", {38})) == kEperm);
        CHECK(verdict(filter, call_of(SeccompArch::x86, "socket", {2})) == SECCOMP_RET_ALLOW);
        CHECK(verdict(filter, call_of(SeccompArch::x32, "socket", {38})) == kEperm);
    }
    SUBCASE("refuses io_uring, keys, modules, userfaultfd, mounts") {
        for (const char* name : {"io_uring_setup",
                                 "io_uring_enter",
                                 "io_uring_register",
                                 "add_key",
                                 "keyctl",
                                 "request_key",
                                 "init_module",
                                 "userfaultfd",
                                 "mount",
                                 "umount2",
                                 "open_tree",
                                 "unshare",
                                 "setns",
                                 "pivot_root",
                                 "bpf",
                                 "perf_event_open",
                                 "kexec_load",
                                 "reboot",
                                 "open_by_handle_at",
                                 "swapon",
                                 "clock_settime",
                                 "iopl",
                                 "acct",
                                 "syslog"}) {
            CAPTURE(name);
            CHECK(of(name) == kEperm);
        }
    }
    SUBCASE("lets clone pass without new namespaces, and says that there is no clone3") {
        CHECK(of("clone", {0x1200011}) == SECCOMP_RET_ALLOW);
        CHECK(of("clone", {0x10000000 | 17}) == kEperm);
        CHECK(of("clone", {0x02000000}) == kEperm);
        CHECK(of("clone3") == kEnosys);
        const auto admin = build_default_seccomp_filter(capabilities({CAP_SYS_ADMIN}));
        CHECK(verdict(admin, call_of(SeccompArch::x86_64, "clone", {0x10000000})) ==
              SECCOMP_RET_ALLOW);
        CHECK(verdict(admin, call_of(SeccompArch::x86_64, "clone3")) == SECCOMP_RET_ALLOW);
        CHECK(verdict(admin, call_of(SeccompArch::x86_64, "mount")) == SECCOMP_RET_ALLOW);
        CHECK(verdict(admin, call_of(SeccompArch::x86_64, "init_module")) == kEperm);
    }
    SUBCASE("lets only harmless personalities pass") {
        for (const uint64_t value : {0ULL, 8ULL, 0x20000ULL, 0x20008ULL, 0xffffffffULL}) {
            CHECK(of("personality", {value}) == SECCOMP_RET_ALLOW);
        }
        CHECK(of("personality", {0x40000}) == kEperm);
        CHECK(of("personality", {0x100000000}) == kEperm);
    }
    SUBCASE("calls of the future do not exist") {
        SeccompCall call;
        call.audit_arch = AUDIT_ARCH_X86_64;
        call.number = 500;
        CHECK(verdict(filter, call) == kEnosys);
        call.number = kX32Bit + 600;
        CHECK(verdict(filter, call) == kEnosys);
        call.audit_arch = AUDIT_ARCH_I386;
        call.number = 500;
        CHECK(verdict(filter, call) == kEnosys);
    }
    SUBCASE("another architecture kills") {
        SeccompCall call;
        call.audit_arch = AUDIT_ARCH_AARCH64;
        CHECK(verdict(filter, call) == SECCOMP_RET_KILL_PROCESS);
    }
}

TEST_CASE("conditions of one rule must all hold, rules are alternatives") {
    nau::oci::spec::Seccomp profile;
    profile.default_action = "SCMP_ACT_ERRNO";
    profile.syscalls.push_back(
        {{"ioctl"}, "SCMP_ACT_ALLOW", {}, {{0, 3, 0, "SCMP_CMP_EQ"}, {1, 100, 0, "SCMP_CMP_GE"}}});
    profile.syscalls.push_back(
        {{"ioctl"}, "SCMP_ACT_ERRNO", 5, {{2, 0xff, 0x10, "SCMP_CMP_MASKED_EQ"}}});
    // Twice the same argument: an interval, which other generators cannot say.
    profile.syscalls.push_back(
        {{"ioctl"}, "SCMP_ACT_LOG", {}, {{3, 10, 0, "SCMP_CMP_GE"}, {3, 20, 0, "SCMP_CMP_LT"}}});
    const auto filter = build_seccomp_filter(profile);
    const auto of = [&](std::vector<uint64_t> args) {
        return verdict(filter, call_of(SeccompArch::x86_64, "ioctl", std::move(args)));
    };
    CHECK(of({3, 100, 0, 0}) == SECCOMP_RET_ALLOW);
    CHECK(of({3, 99, 0, 0}) == kEperm);
    CHECK(of({4, 100, 0, 0}) == kEperm);
    CHECK(of({4, 100, 0xab10, 0}) == (SECCOMP_RET_ERRNO | 5));
    CHECK(of({0, 0, 0, 15}) == SECCOMP_RET_LOG);
    CHECK(of({0, 0, 0, 20}) == kEperm);
    CHECK(of({0, 0, 0, 9}) == kEperm);
}

TEST_CASE("a rule for a socket call covers the multiplexer of 32-bit x86") {
    nau::oci::spec::Seccomp profile;
    profile.default_action = "SCMP_ACT_ALLOW";
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"};
    profile.syscalls.push_back({{"listen", "shmget"}, "SCMP_ACT_ERRNO", 13, {}});
    auto filter = build_seccomp_filter(profile);
    constexpr uint32_t kDenied = SECCOMP_RET_ERRNO | 13;
    CHECK(verdict(filter, call_of(SeccompArch::x86, "listen")) == kDenied);
    CHECK(verdict(filter, call_of(SeccompArch::x86, "socketcall", {4})) == kDenied);
    CHECK(verdict(filter, call_of(SeccompArch::x86, "socketcall", {1})) == SECCOMP_RET_ALLOW);
    CHECK(verdict(filter, call_of(SeccompArch::x86, "ipc", {0x10000 | 23})) == kDenied);
    profile.syscalls.push_back({{"socketcall"}, "SCMP_ACT_ALLOW", {}, {}});
    filter = build_seccomp_filter(profile);
    CHECK(verdict(filter, call_of(SeccompArch::x86, "socketcall", {4})) == SECCOMP_RET_ALLOW);
}

TEST_CASE("x32 is killed unless it is listed") {
    nau::oci::spec::Seccomp profile;
    profile.default_action = "SCMP_ACT_ALLOW";
    CHECK(verdict(build_seccomp_filter(profile), call_of(SeccompArch::x32, "read")) ==
          SECCOMP_RET_KILL_PROCESS);
    profile.architectures = {"SCMP_ARCH_X32"};
    CHECK(verdict(build_seccomp_filter(profile), call_of(SeccompArch::x32, "read")) ==
          SECCOMP_RET_ALLOW);
}

TEST_CASE("actions, flags and mistakes of a profile") {
    nau::oci::spec::Seccomp profile;
    profile.default_action = "SCMP_ACT_KILL_PROCESS";
    profile.flags = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"};
    profile.syscalls.push_back({{"read", "no_such_call_yet"}, "SCMP_ACT_TRACE", 7, {}});
    profile.syscalls.push_back({{"close_range"}, "SCMP_ACT_NOTIFY", {}, {}});
    profile.syscalls.push_back({{"sendmsg"}, "SCMP_ACT_ALLOW", {}, {}});
    profile.listener_path = "/run/agent.sock";
    const auto filter = build_seccomp_filter(profile);
    CHECK(filter.has_notify);
    CHECK(filter.flags == (SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
                           SECCOMP_FILTER_FLAG_NEW_LISTENER));
    CHECK(verdict(filter, call_of(SeccompArch::x86_64, "read")) == (SECCOMP_RET_TRACE | 7));
    CHECK(verdict(filter, call_of(SeccompArch::x86_64, "close")) == SECCOMP_RET_KILL_PROCESS);

    const auto error_of = [](const nau::oci::spec::Seccomp& bad) {
        try {
            build_seccomp_filter(bad);
        } catch (const nau::Error& error) {
            return error.text();
        }
        return std::string("no error");
    };
    auto bad = profile;
    bad.default_action = "SCMP_ACT_FOO";
    CHECK(error_of(bad) == "linux: seccomp: defaultAction: 'SCMP_ACT_FOO' is no action");
    bad = profile;
    bad.syscalls[0].args = {{6, 0, 0, "SCMP_CMP_EQ"}};
    CHECK(error_of(bad) == "linux: seccomp: syscalls[0]: args[0]: index is not between 0 and 5");
    bad.syscalls[0].args = {{0, 0, 0, "SCMP_CMP_XX"}};
    CHECK(error_of(bad) == "linux: seccomp: syscalls[0]: args[0]: 'SCMP_CMP_XX' is no operator");
    bad = profile;
    bad.flags = {"X"};
    CHECK(error_of(bad) == "linux: seccomp: flags: 'X' is no flag");
    bad = profile;
    bad.syscalls[1].errno_ret = 5;
    CHECK(error_of(bad) == "linux: seccomp: syscalls[1]: SCMP_ACT_NOTIFY takes no errnoRet");
    bad = profile;
    bad.listener_path.clear();
    CHECK(error_of(bad) ==
          "linux: seccomp: listenerPath: is missing, and SCMP_ACT_NOTIFY needs it");
    bad = profile;
    bad.syscalls.pop_back();
    CHECK(error_of(bad) ==
          "linux: seccomp: with SCMP_ACT_NOTIFY, sendmsg must be allowed: the listener is handed "
          "over by it");
    bad = profile;
    bad.architectures = {"x86"};
    CHECK(error_of(bad) == "linux: seccomp: architectures: 'x86' is no architecture");
}
