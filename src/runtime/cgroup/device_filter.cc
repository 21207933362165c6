#include "runtime/cgroup/device_filter.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <linux/bpf.h>
#include <optional>

#include <fmt/core.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::runtime::cgroup {

namespace raw = sys::raw;

namespace {

using oci::spec::DeviceRule;

// Registers: the context comes in R1, the result leaves in R0.
constexpr uint8_t kResult = 0;
constexpr uint8_t kContext = 1;
constexpr uint8_t kType = 2;
constexpr uint8_t kAccess = 3;
constexpr uint8_t kMajor = 4;
constexpr uint8_t kMinor = 5;
constexpr uint8_t kScratch = 6;

constexpr uint8_t registers(uint8_t destination, uint8_t source) noexcept {
    return static_cast<uint8_t>(destination | source << 4);
}

BpfInstruction load_word(uint8_t destination, int16_t offset) noexcept {
    return {BPF_LDX | BPF_W | BPF_MEM, registers(destination, kContext), offset, 0};
}
BpfInstruction and_immediate(uint8_t reg, int32_t value) noexcept {
    return {BPF_ALU | BPF_AND | BPF_K, registers(reg, 0), 0, value};
}
BpfInstruction shift_right(uint8_t reg, int32_t bits) noexcept {
    return {BPF_ALU | BPF_RSH | BPF_K, registers(reg, 0), 0, bits};
}
BpfInstruction move_register(uint8_t destination, uint8_t source) noexcept {
    return {BPF_ALU | BPF_MOV | BPF_X, registers(destination, source), 0, 0};
}
BpfInstruction move_immediate(uint8_t destination, int32_t value) noexcept {
    return {BPF_ALU64 | BPF_MOV | BPF_K, registers(destination, 0), 0, value};
}
BpfInstruction jump_if_not_equal(uint8_t reg, int32_t value) noexcept {
    return {BPF_JMP | BPF_JNE | BPF_K, registers(reg, 0), 0, value};
}
BpfInstruction jump_if_equal(uint8_t reg, int32_t value) noexcept {
    return {BPF_JMP | BPF_JEQ | BPF_K, registers(reg, 0), 0, value};
}
BpfInstruction exit_program() noexcept {
    return {BPF_JMP | BPF_EXIT, 0, 0, 0};
}

int32_t access_bits(const std::string& access) {
    if (access.empty()) {
        return BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
    }
    int32_t bits = 0;
    for (const char c : access) {
        switch (c) {
            case 'r':
                bits |= BPF_DEVCG_ACC_READ;
                break;
            case 'w':
                bits |= BPF_DEVCG_ACC_WRITE;
                break;
            case 'm':
                bits |= BPF_DEVCG_ACC_MKNOD;
                break;
            default:
                throw Error(ErrorKind::invalid,
                            "linux: resources: devices: access: '{}' is not made of r, w and m",
                            access);
        }
    }
    return bits;
}

constexpr int32_t kAllAccess = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;

std::optional<int32_t> type_of(const DeviceRule& rule) {
    if (rule.type.empty() || rule.type == "a") {
        return std::nullopt;
    }
    if (rule.type == "b") {
        return BPF_DEVCG_DEV_BLOCK;
    }
    if (rule.type == "c") {
        return BPF_DEVCG_DEV_CHAR;
    }
    throw Error(
        ErrorKind::invalid, "linux: resources: devices: type: '{}' is none of a, b, c", rule.type);
}

/// The rule's test; falls through to its verdict, jumps past it otherwise. kAccess holds what has
/// been asked for and is not yet permitted by a later rule: each bit is decided by the last rule
/// that names it.
void append_rule(const DeviceRule& rule,
                 bool is_unconditional,
                 std::vector<BpfInstruction>& program) {
    std::vector<BpfInstruction> tests;
    const auto type = type_of(rule);
    const int32_t bits = access_bits(rule.access);
    if (type) {
        tests.push_back(jump_if_not_equal(kType, *type));
        if (rule.major && *rule.major >= 0) {
            tests.push_back(jump_if_not_equal(kMajor, static_cast<int32_t>(*rule.major)));
        }
        if (rule.minor && *rule.minor >= 0) {
            tests.push_back(jump_if_not_equal(kMinor, static_cast<int32_t>(*rule.minor)));
        }
    }
    if (!is_unconditional && rule.allow) {
        tests.push_back(and_immediate(kAccess, ~bits & kAllAccess));
        tests.push_back(jump_if_not_equal(kAccess, 0));
    } else if (!is_unconditional) {
        tests.push_back(move_register(kScratch, kAccess));
        tests.push_back(and_immediate(kScratch, bits));
        tests.push_back(jump_if_equal(kScratch, 0));
    }
    constexpr size_t kVerdictLength = 2;
    for (size_t i = 0; i < tests.size(); ++i) {
        if ((tests[i].code & 0x07) == BPF_JMP) {
            tests[i].offset = static_cast<int16_t>(tests.size() - i - 1 + kVerdictLength);
        }
    }
    program.insert(program.end(), tests.begin(), tests.end());
    program.push_back(move_immediate(kResult, rule.allow ? 1 : 0));
    program.push_back(exit_program());
}

bool matches_everything(const DeviceRule& rule) {
    return !type_of(rule) && access_bits(rule.access) == kAllAccess;
}

}  // namespace

std::vector<BpfInstruction> build_device_program(const std::vector<DeviceRule>& rules) {
    std::vector<BpfInstruction> program = {
        // struct bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor; }, access_type being
        // access << 16 | type
        load_word(kType, 0),
        and_immediate(kType, 0xffff),
        load_word(kAccess, 0),
        shift_right(kAccess, 16),
        load_word(kMajor, 4),
        load_word(kMinor, 8),
    };
    // The last matching rule decides: so the last comes first.
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
        const bool is_unconditional = matches_everything(*rule);
        append_rule(*rule, is_unconditional, program);
        if (is_unconditional) {
            return program;  // nothing behind it can be reached, and the verifier refuses such code
        }
    }
    program.push_back(move_immediate(kResult, 0));
    program.push_back(exit_program());
    return program;
}

bool permits_everything(const std::vector<DeviceRule>& rules) {
    return !rules.empty() && rules.back().allow && matches_everything(rules.back());
}

void attach_device_program(const std::string& directory, const std::vector<DeviceRule>& rules) {
    const std::vector<BpfInstruction> program = build_device_program(rules);
    static constexpr char kLicense[] = "Apache-2.0";  // no GPL-only helpers are called
    bpf_attr load = {};
    load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load.insn_cnt = static_cast<uint32_t>(program.size());
    load.insns = reinterpret_cast<uint64_t>(program.data());
    load.license = reinterpret_cast<uint64_t>(kLicense);
    const int loaded = raw::bpf(BPF_PROG_LOAD, &load, sizeof load);
    if (loaded < 0) {
        throw SysError(-loaded, "load the device filter of {}", directory);
    }
    const sys::UniqueFd program_fd(loaded);
    const sys::UniqueFd group = sys::open(directory, O_RDONLY | O_DIRECTORY);
    bpf_attr attach = {};
    attach.target_fd = static_cast<uint32_t>(group.get());
    attach.attach_bpf_fd = static_cast<uint32_t>(program_fd.get());
    attach.attach_type = BPF_CGROUP_DEVICE;
    // Programs of groups above must agree too; ours cannot switch them off.
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    const int attached = raw::bpf(BPF_PROG_ATTACH, &attach, sizeof attach);
    if (attached < 0) {
        throw SysError(-attached, "attach the device filter to {}", directory);
    }
}

}  // namespace nau::runtime::cgroup
