#include "runtime/seccomp.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/seccomp.h>
#include <optional>
#include <span>
#include <string_view>

#include <fmt/core.h>

#include "base/error.h"
#include "runtime/seccomp_names.h"
#include "runtime/seccomp_profile.h"
#include "runtime/seccomp_program.h"
#include "runtime/seccomp_table.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace nau::runtime {

namespace {

/// Numbers of 32-bit ARM beyond the ordinary ones (cacheflush, set_tls …).
constexpr uint32_t kArmPrivate = 0x0f0000;

[[noreturn]] void fail(const std::string& member, const std::string& problem) {
    throw Error(ErrorKind::invalid, "linux: seccomp: {}: {}", member, problem);
}

// --- words

template <typename Number>
struct Word {
    std::string_view name;
    Number number;
};

template <typename Table>
auto find_word(const Table& table, std::string_view name)
    -> std::optional<decltype(table.front().number)> {
    for (const auto& entry : table) {
        if (entry.name == name) {
            return entry.number;
        }
    }
    return std::nullopt;
}

constexpr std::array kActions = {
    Word<uint32_t>{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
    Word<uint32_t>{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
    Word<uint32_t>{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
    Word<uint32_t>{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
    Word<uint32_t>{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
    Word<uint32_t>{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
    Word<uint32_t>{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
    Word<uint32_t>{"SCMP_ACT_LOG", SECCOMP_RET_LOG},
    Word<uint32_t>{"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF},
};

constexpr std::array kOperators = {
    Word<SeccompOp>{"SCMP_CMP_NE", SeccompOp::not_equal},
    Word<SeccompOp>{"SCMP_CMP_LT", SeccompOp::less},
    Word<SeccompOp>{"SCMP_CMP_LE", SeccompOp::less_or_equal},
    Word<SeccompOp>{"SCMP_CMP_EQ", SeccompOp::equal},
    Word<SeccompOp>{"SCMP_CMP_GE", SeccompOp::greater_or_equal},
    Word<SeccompOp>{"SCMP_CMP_GT", SeccompOp::greater},
    Word<SeccompOp>{"SCMP_CMP_MASKED_EQ", SeccompOp::masked_equal},
};

constexpr std::array kFlags = {
    // All threads at once: there is only one.
    Word<uint32_t>{"SECCOMP_FILTER_FLAG_TSYNC", 0},
    Word<uint32_t>{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    Word<uint32_t>{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    Word<uint32_t>{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
                   SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};

uint32_t to_action(const std::string& name,
                   const std::optional<uint32_t>& errno_ret,
                   const std::string& member) {
    const auto action = find_word(kActions, name);
    if (!action) {
        fail(member, fmt::format("'{}' is no action", name));
    }
    const bool takes_data = *action == SECCOMP_RET_ERRNO || *action == SECCOMP_RET_TRACE;
    if (!takes_data) {
        if (errno_ret) {
            fail(member, fmt::format("{} takes no errnoRet", name));
        }
        return *action;
    }
    if (errno_ret && *errno_ret > SECCOMP_RET_DATA) {
        fail(member, fmt::format("errnoRet: {} is no error number", *errno_ret));
    }
    return *action | errno_ret.value_or(uint32_t{EPERM});
}

std::vector<SeccompCondition> to_conditions(const oci::spec::SeccompSyscall& call,
                                            const std::string& member) {
    std::vector<SeccompCondition> conditions;
    for (size_t i = 0; i < call.args.size(); ++i) {
        const auto& arg = call.args[i];
        const auto op = find_word(kOperators, arg.op);
        if (!op) {
            fail(fmt::format("{}: args[{}]", member, i),
                 fmt::format("'{}' is no operator", arg.op));
        }
        if (arg.index > 5) {
            fail(fmt::format("{}: args[{}]", member, i), "index is not between 0 and 5");
        }
        conditions.push_back({static_cast<uint8_t>(arg.index), *op, arg.value, arg.value_two});
    }
    return conditions;
}

// --- what is newer than the profile

bool is_errno(uint32_t action) noexcept {
    return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}

/// Numbers beyond the last that the profile knows: ENOSYS instead of another errno.
void add_unknown_region(SeccompArchRules& rules, uint32_t from, uint32_t to) {
    constexpr uint32_t kNoSuchCall = SECCOMP_RET_ERRNO | ENOSYS;
    if (!is_errno(rules.default_action) || rules.default_action == kNoSuchCall) {
        return;
    }
    std::optional<uint32_t> last;
    for (const SeccompRule& rule : rules.rules) {
        if (rule.number >= from && rule.number < to && (!last || rule.number > *last)) {
            last = rule.number;
        }
    }
    if (last) {
        rules.regions.push_back({*last + 1, kNoSuchCall});
    }
}

/// Merges x32 into x86_64, with which it shares its AUDIT_ARCH, and closes the regions.
std::vector<SeccompArchRules> finish_architectures(
    std::vector<std::pair<SeccompArch, std::vector<SeccompRule>>> sets,
    uint32_t default_action,
    uint32_t other_action) {
    std::vector<SeccompArchRules> out;
    for (auto& [arch, rules] : sets) {
        if (arch == SeccompArch::x32) {
            continue;
        }
        SeccompArchRules architecture;
        architecture.audit_arch = audit_arch(arch);
        architecture.is_64_bit = is_64_bit(arch);
        architecture.default_action = default_action;
        architecture.rules = std::move(rules);
        add_unknown_region(architecture, 0, arch == SeccompArch::arm ? kArmPrivate : kX32Bit);
        if (arch == SeccompArch::x86_64) {
            const auto x32 = std::find_if(sets.begin(), sets.end(), [](const auto& s) {
                return s.first == SeccompArch::x32;
            });
            if (x32 == sets.end()) {
                architecture.regions.push_back({kX32Bit, other_action});
            } else {
                architecture.rules.insert(
                    architecture.rules.end(), x32->second.begin(), x32->second.end());
                architecture.regions.push_back({kX32Bit, default_action});
                add_unknown_region(architecture, kX32Bit, UINT32_MAX);
            }
        }
        out.push_back(std::move(architecture));
    }
    return out;
}

// --- profiles of others

std::vector<SeccompArch> choose_architectures(const oci::spec::Seccomp& profile) {
    std::vector<SeccompArch> chosen = {native_seccomp_arch()};
    const std::vector<SeccompArch> family = seccomp_arch_family();
    for (const std::string& name : profile.architectures) {
        const auto arch = parse_seccomp_arch(name);
        // Another machine's architectures cannot run here.
        if (arch && std::find(family.begin(), family.end(), *arch) != family.end() &&
            std::find(chosen.begin(), chosen.end(), *arch) == chosen.end()) {
            chosen.push_back(*arch);
        } else if (!arch && name.rfind("SCMP_ARCH_", 0) != 0) {
            fail("architectures", fmt::format("'{}' is no architecture", name));
        }
    }
    return chosen;
}

bool names_call(const oci::spec::Seccomp& profile, std::string_view name) {
    return std::any_of(profile.syscalls.begin(), profile.syscalls.end(), [&](const auto& call) {
        return std::find(call.names.begin(), call.names.end(), name) != call.names.end();
    });
}

class RuleBuilder {
  public:
    RuleBuilder(const oci::spec::Seccomp& profile, SeccompArch arch)
        : arch_(arch),
          expands_socketcall_(arch == SeccompArch::x86 && !names_call(profile, "socketcall")),
          expands_ipc_(arch == SeccompArch::x86 && !names_call(profile, "ipc")) {}

    void add(const std::string& name,
             uint32_t action,
             const std::vector<SeccompCondition>& conditions) {
        if (const auto number = syscall_number(arch_, name)) {
            rules_.push_back({*number, action, conditions});
        }
        if (conditions.empty() && (expands_socketcall_ || expands_ipc_)) {
            add_multiplexed(name, action);
        }
    }

    std::vector<SeccompRule> take() { return std::move(rules_); }

  private:
    void add_multiplexed(const std::string& name, uint32_t action) {
        const auto call = multiplexed_call(name);
        if (!call) {
            return;
        }
        const bool is_socketcall = std::string_view(call->multiplexer) == "socketcall";
        if (is_socketcall ? !expands_socketcall_ : !expands_ipc_) {
            return;
        }
        // ipc(2) keeps a version in the upper half of its first argument.
        const SeccompCondition condition = {
            0, SeccompOp::masked_equal, is_socketcall ? 0xffffffffU : 0xffffU, call->operation};
        rules_.push_back({*syscall_number(arch_, call->multiplexer), action, {condition}});
    }

    SeccompArch arch_;
    bool expands_socketcall_;
    bool expands_ipc_;
    std::vector<SeccompRule> rules_;
};

}  // namespace

namespace {

void plan_listener(const oci::spec::Seccomp& profile, SeccompFilter& filter) {
    if (profile.listener_path.empty() && !profile.listener_metadata.empty()) {
        fail("listenerMetadata", "is given without listenerPath");
    }
    if (!filter.has_notify) {
        if ((filter.flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) != 0) {
            fail("flags", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs SCMP_ACT_NOTIFY");
        }
        return;
    }
    if (profile.listener_path.empty()) {
        fail("listenerPath", "is missing, and SCMP_ACT_NOTIFY needs it");
    }
    if (profile.listener_path.front() != '/') {
        fail("listenerPath", fmt::format("'{}' is not absolute", profile.listener_path));
    }
    filter.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    filter.listener_path = profile.listener_path;
    filter.listener_metadata = profile.listener_metadata;
    // The descriptor is handed over by the process that is filtered already.
    seccomp_data call = {};
    call.nr = static_cast<int>(*syscall_number(native_seccomp_arch(), "sendmsg"));
    call.arch = audit_arch(native_seccomp_arch());
    const uint32_t verdict = judge_seccomp(filter.program, call) & SECCOMP_RET_ACTION_FULL;
    if (verdict != SECCOMP_RET_ALLOW && verdict != SECCOMP_RET_LOG) {
        throw Error(ErrorKind::unsupported,
                    "linux: seccomp: with SCMP_ACT_NOTIFY, sendmsg must be allowed: the listener "
                    "is handed over by it");
    }
}

}  // namespace

SeccompFilter build_seccomp_filter(const oci::spec::Seccomp& profile) {
    SeccompFilter filter;
    const uint32_t default_action =
        to_action(profile.default_action, profile.default_errno_ret, "defaultAction");
    struct Call {
        uint32_t action;
        std::vector<SeccompCondition> conditions;
    };
    std::vector<Call> calls;
    bool has_notify = default_action == SECCOMP_RET_USER_NOTIF;
    for (size_t i = 0; i < profile.syscalls.size(); ++i) {
        const std::string member = fmt::format("syscalls[{}]", i);
        const auto& call = profile.syscalls[i];
        calls.push_back(
            {to_action(call.action, call.errno_ret, member), to_conditions(call, member)});
        has_notify = has_notify || calls.back().action == SECCOMP_RET_USER_NOTIF;
    }
    std::vector<std::pair<SeccompArch, std::vector<SeccompRule>>> sets;
    for (const SeccompArch arch : choose_architectures(profile)) {
        RuleBuilder builder(profile, arch);
        for (size_t i = 0; i < profile.syscalls.size(); ++i) {
            for (const std::string& name : profile.syscalls[i].names) {
                builder.add(name, calls[i].action, calls[i].conditions);
            }
        }
        sets.emplace_back(arch, builder.take());
    }
    for (const std::string& name : profile.flags) {
        const auto flag = find_word(kFlags, name);
        if (!flag) {
            fail("flags", fmt::format("'{}' is no flag", name));
        }
        filter.flags |= *flag;
    }
    filter.has_notify = has_notify;
    filter.program = assemble_seccomp(
        finish_architectures(std::move(sets), default_action, SECCOMP_RET_KILL_PROCESS),
        SECCOMP_RET_KILL_PROCESS);
    plan_listener(profile, filter);
    return filter;
}

SeccompFilter build_default_seccomp_filter(sys::CapabilitySet bounding) {
    const auto groups = default_seccomp_groups();
    std::vector<std::pair<SeccompArch, std::vector<SeccompRule>>> sets;
    for (const SeccompTable& table : default_seccomp_tables()) {
        std::vector<SeccompRule> rules;
        rules.reserve(table.rows.size());
        for (const SeccompTableRow& row : table.rows) {
            const SeccompGroup& group = groups[row.group];
            if (!group.applies(bounding.mask())) {
                continue;
            }
            SeccompRule& rule = rules.emplace_back();
            rule.number = row.number;
            rule.action = group.error == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | group.error;
            if (group.has_condition) {
                rule.conditions.push_back(group.condition);
            }
        }
        sets.emplace_back(table.arch, std::move(rules));
    }
    SeccompFilter filter;
    filter.program =
        assemble_seccomp(finish_architectures(std::move(sets),
                                              SECCOMP_RET_ERRNO | uint32_t{kDefaultSeccompErrno},
                                              SECCOMP_RET_KILL_PROCESS),
                         SECCOMP_RET_KILL_PROCESS);
    return filter;
}

oci::spec::Seccomp default_seccomp_profile(sys::CapabilitySet bounding) {
    oci::spec::Seccomp profile;
    profile.default_action = "SCMP_ACT_ERRNO";
    profile.default_errno_ret = kDefaultSeccompErrno;
    for (const SeccompArch arch : seccomp_arch_family()) {
        profile.architectures.emplace_back(seccomp_arch_name(arch));
    }
    for (const SeccompGroup& group : default_seccomp_groups()) {
        if (!group.applies(bounding.mask())) {
            continue;
        }
        oci::spec::SeccompSyscall call;
        call.names.assign(group.names.begin(), group.names.end());
        call.action = group.error == 0 ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO";
        if (group.error != 0) {
            call.errno_ret = group.error;
        }
        if (group.has_condition) {
            const bool is_masked = group.condition.op == SeccompOp::masked_equal;
            call.args.push_back({.index = group.condition.index,
                                 .value = group.condition.value,
                                 .value_two = group.condition.value_two,
                                 .op = is_masked ? "SCMP_CMP_MASKED_EQ" : "SCMP_CMP_EQ"});
        }
        profile.syscalls.push_back(std::move(call));
    }
    return profile;
}

}  // namespace nau::runtime
