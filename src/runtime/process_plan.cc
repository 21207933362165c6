#include "runtime/process_plan.h"

#include <algorithm>
#include <array>
#include <climits>
#include <string_view>
#include <sys/resource.h>
#include <utility>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "runtime/plan_builder.h"

namespace nau::runtime {

namespace {

using oci::spec::Process;

[[noreturn]] void fail(const std::string& member, const std::string& problem) {
    throw Error(ErrorKind::invalid, "process: {}: {}", member, problem);
}

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

constexpr std::array kRlimits = {
    Word<int>{"RLIMIT_AS", RLIMIT_AS},
    Word<int>{"RLIMIT_CORE", RLIMIT_CORE},
    Word<int>{"RLIMIT_CPU", RLIMIT_CPU},
    Word<int>{"RLIMIT_DATA", RLIMIT_DATA},
    Word<int>{"RLIMIT_FSIZE", RLIMIT_FSIZE},
    Word<int>{"RLIMIT_LOCKS", RLIMIT_LOCKS},
    Word<int>{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    Word<int>{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    Word<int>{"RLIMIT_NICE", RLIMIT_NICE},
    Word<int>{"RLIMIT_NOFILE", RLIMIT_NOFILE},
    Word<int>{"RLIMIT_NPROC", RLIMIT_NPROC},
    Word<int>{"RLIMIT_RSS", RLIMIT_RSS},
    Word<int>{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    Word<int>{"RLIMIT_RTTIME", RLIMIT_RTTIME},
    Word<int>{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    Word<int>{"RLIMIT_STACK", RLIMIT_STACK},
};

// sched.h of the kernel; the C library knows only some of them.
constexpr std::array kPolicies = {
    Word<uint32_t>{"SCHED_OTHER", 0},
    Word<uint32_t>{"SCHED_FIFO", 1},
    Word<uint32_t>{"SCHED_RR", 2},
    Word<uint32_t>{"SCHED_BATCH", 3},
    Word<uint32_t>{"SCHED_ISO", 4},
    Word<uint32_t>{"SCHED_IDLE", 5},
    Word<uint32_t>{"SCHED_DEADLINE", 6},
};

constexpr std::array kSchedulerFlags = {
    Word<uint64_t>{"SCHED_FLAG_RESET_ON_FORK", 0x01},
    Word<uint64_t>{"SCHED_FLAG_RECLAIM", 0x02},
    Word<uint64_t>{"SCHED_FLAG_DL_OVERRUN", 0x04},
    Word<uint64_t>{"SCHED_FLAG_KEEP_POLICY", 0x08},
    Word<uint64_t>{"SCHED_FLAG_KEEP_PARAMS", 0x10},
    Word<uint64_t>{"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    Word<uint64_t>{"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
};

constexpr std::array kIoClasses = {
    Word<int>{"IOPRIO_CLASS_RT", 1},
    Word<int>{"IOPRIO_CLASS_BE", 2},
    Word<int>{"IOPRIO_CLASS_IDLE", 3},
};
constexpr int kIoClassShift = 13;
constexpr int kMaxIoPriority = 7;

constexpr std::array kMemoryModes = {
    Word<int>{"MPOL_DEFAULT", 0},
    Word<int>{"MPOL_PREFERRED", 1},
    Word<int>{"MPOL_BIND", 2},
    Word<int>{"MPOL_INTERLEAVE", 3},
    Word<int>{"MPOL_LOCAL", 4},
    Word<int>{"MPOL_PREFERRED_MANY", 5},
    Word<int>{"MPOL_WEIGHTED_INTERLEAVE", 6},
};

constexpr std::array kMemoryFlags = {
    Word<int>{"MPOL_F_NUMA_BALANCING", 1 << 13},
    Word<int>{"MPOL_F_RELATIVE_NODES", 1 << 14},
    Word<int>{"MPOL_F_STATIC_NODES", 1 << 15},
};

constexpr std::array kPersonalities = {
    Word<unsigned long>{"LINUX", 0x0000},
    Word<unsigned long>{"LINUX32", 0x0008},
};

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

void plan_command(const Process& process, ProcessPlan& plan) {
    if (process.args.empty()) {
        fail("args", "is empty");
    }
    if (process.args.front().empty()) {
        fail("args[0]", "is empty");
    }
    plan.argv = process.args;
    plan.env = process.env;
    if (process.cwd.empty() || process.cwd.front() != '/') {
        fail("cwd", fmt::format("'{}' is not absolute", process.cwd));
    }
    plan.cwd = process.cwd;
    if (process.args.front().find('/') != std::string::npos) {
        return;
    }
    std::string_view path = kDefaultPath;
    for (const std::string& entry : process.env) {
        if (entry.rfind("PATH=", 0) == 0) {
            path = std::string_view(entry).substr(5);
        }
    }
    for (const std::string_view directory : split(path, ':')) {
        // An empty word means the working directory.
        plan.search_path.emplace_back(directory.empty() ? "." : directory);
    }
}

uint64_t capability_mask(const std::vector<std::string>& names,
                         const char* set,
                         unsigned last_capability) {
    uint64_t mask = 0;
    for (size_t i = 0; i < names.size(); ++i) {
        const auto number = sys::parse_capability(names[i]);
        if (!number || *number > 63) {
            fail(fmt::format("capabilities: {}[{}]", set, i),
                 fmt::format("'{}' is no capability", names[i]));
        }
        // One that this kernel does not know yet cannot be given, and nobody can miss it.
        if (*number <= last_capability) {
            mask |= uint64_t{1} << *number;
        }
    }
    return mask;
}

void plan_capabilities(const Process& process, ProcessPlan& plan) {
    if (!process.capabilities) {
        return;
    }
    const auto& sets = *process.capabilities;
    const unsigned last = plan.last_capability;
    CapabilityMasks masks;
    masks.bounding = capability_mask(sets.bounding, "bounding", last);
    masks.effective = capability_mask(sets.effective, "effective", last);
    masks.inheritable = capability_mask(sets.inheritable, "inheritable", last);
    masks.permitted = capability_mask(sets.permitted, "permitted", last);
    masks.ambient = capability_mask(sets.ambient, "ambient", last);
    if ((masks.effective & ~masks.permitted) != 0) {
        fail("capabilities: effective", "holds more than 'permitted'");
    }
    if ((masks.ambient & ~(masks.permitted & masks.inheritable)) != 0) {
        fail("capabilities: ambient", "holds more than 'permitted' and 'inheritable' both do");
    }
    plan.capabilities = masks;
}

void plan_rlimits(const Process& process, ProcessPlan& plan) {
    for (size_t i = 0; i < process.rlimits.size(); ++i) {
        const auto& limit = process.rlimits[i];
        const auto resource = parse_rlimit(limit.type);
        if (!resource) {
            fail(fmt::format("rlimits[{}]", i),
                 fmt::format("type: '{}' is no resource", limit.type));
        }
        if (std::any_of(plan.rlimits.begin(), plan.rlimits.end(), [&](const RlimitSetting& other) {
                return other.resource == *resource;
            })) {
            fail(fmt::format("rlimits[{}]", i),
                 fmt::format("type: '{}' is listed twice", limit.type));
        }
        if (limit.soft > limit.hard) {
            fail(fmt::format("rlimits[{}]", i), "soft is larger than hard");
        }
        plan.rlimits.push_back({*resource, limit.soft, limit.hard, limit.type});
    }
}

void plan_scheduling(const Process& process, ProcessPlan& plan) {
    if (process.scheduler) {
        const auto& in = *process.scheduler;
        SchedulerSetting out;
        const auto policy = find_word(kPolicies, in.policy);
        if (!policy) {
            fail("scheduler: policy", fmt::format("'{}' is unknown", in.policy));
        }
        out.policy = *policy;
        for (const auto& word : in.flags) {
            const auto flag = find_word(kSchedulerFlags, word);
            if (!flag) {
                fail("scheduler: flags", fmt::format("'{}' is unknown", word));
            }
            out.flags |= *flag;
        }
        if (in.nice < -20 || in.nice > 19) {
            fail("scheduler: nice", "is not between -20 and 19");
        }
        if (in.priority < 0) {
            fail("scheduler: priority", "is negative");
        }
        out.nice = in.nice;
        out.priority = static_cast<uint32_t>(in.priority);
        out.runtime = in.runtime;
        out.deadline = in.deadline;
        out.period = in.period;
        plan.scheduler = out;
    }
    if (process.io_priority) {
        const auto io_class = find_word(kIoClasses, process.io_priority->class_name);
        if (!io_class) {
            fail("ioPriority: class",
                 fmt::format("'{}' is unknown", process.io_priority->class_name));
        }
        if (process.io_priority->priority < 0 || process.io_priority->priority > kMaxIoPriority) {
            fail("ioPriority: priority", fmt::format("is not between 0 and {}", kMaxIoPriority));
        }
        plan.io_priority = *io_class << kIoClassShift | process.io_priority->priority;
    }
}

void plan_memory_and_personality(const oci::RuntimeSpec& spec, ProcessPlan& plan) {
    if (spec.linux_.memory_policy) {
        const auto& in = *spec.linux_.memory_policy;
        const auto mode = find_word(kMemoryModes, in.mode);
        if (!mode) {
            throw Error(ErrorKind::invalid, "linux: memoryPolicy: mode: '{}' is unknown", in.mode);
        }
        MemoryPolicySetting out{*mode, {}};
        for (const auto& word : in.flags) {
            const auto flag = find_word(kMemoryFlags, word);
            if (!flag) {
                throw Error(
                    ErrorKind::invalid, "linux: memoryPolicy: flags: '{}' is unknown", word);
            }
            out.mode |= *flag;
        }
        if (!in.nodes.empty()) {
            out.nodes = parse_cpu_list(in.nodes, "linux: memoryPolicy: nodes");
        }
        plan.memory_policy = std::move(out);
    }
    if (spec.linux_.personality) {
        const auto domain = find_word(kPersonalities, spec.linux_.personality->domain);
        if (!domain) {
            throw Error(ErrorKind::invalid,
                        "linux: personality: domain: '{}' is unknown",
                        spec.linux_.personality->domain);
        }
        if (!spec.linux_.personality->flags.empty()) {
            throw Error(ErrorKind::invalid,
                        "linux: personality: flags: '{}' is unknown",
                        spec.linux_.personality->flags.front());
        }
        plan.personality = *domain;
    }
}

void plan_seccomp(const oci::RuntimeSpec& spec, ProcessPlan& plan) {
    const auto annotation = spec.annotations.find(kSeccompAnnotation);
    if (spec.linux_.seccomp) {
        plan.seccomp = build_seccomp_filter(*spec.linux_.seccomp);
    } else if (annotation != spec.annotations.end()) {
        if (annotation->second != kSeccompDefault) {
            throw Error(ErrorKind::invalid,
                        "annotations: {}: '{}' is not '{}'",
                        kSeccompAnnotation,
                        annotation->second,
                        kSeccompDefault);
        }
        plan.seccomp = build_default_seccomp_filter(
            sys::CapabilitySet(plan.capabilities ? plan.capabilities->bounding : uint64_t{0}));
    }
}

void plan_user(const Process& process, ProcessPlan& plan) {
    // (uid_t)-1 means "unchanged" to setresuid.
    if (process.user.uid == UINT32_MAX) {
        fail("user: uid", "4294967295 is no user");
    }
    if (process.user.gid == UINT32_MAX) {
        fail("user: gid", "4294967295 is no group");
    }
    plan.uid = process.user.uid;
    plan.gid = process.user.gid;
    plan.groups = process.user.additional_gids;
    if (std::find(plan.groups.begin(), plan.groups.end(), UINT32_MAX) != plan.groups.end()) {
        fail("user: additionalGids", "4294967295 is no group");
    }
    constexpr mode_t kDefaultUmask = 0022;
    plan.umask = static_cast<mode_t>(process.user.umask.value_or(kDefaultUmask)) & 0777;
}

}  // namespace

std::optional<int> parse_rlimit(const std::string& name) noexcept {
    return find_word(kRlimits, name);
}

std::vector<unsigned long> parse_cpu_list(const std::string& list, const std::string& member) {
    constexpr uint64_t kMaxCpu = 8191;
    constexpr size_t kBits = sizeof(unsigned long) * CHAR_BIT;
    std::vector<unsigned long> mask;
    for (const std::string_view word : split(list, ',')) {
        const auto range = split_once(word, '-');
        const auto first = parse_uint64(range ? range->first : word);
        const auto last = range ? parse_uint64(range->second) : first;
        if (!first || !last || *first > *last || *last > kMaxCpu) {
            throw Error(ErrorKind::invalid, "{}: '{}' is no list such as 0-3,8", member, list);
        }
        mask.resize(std::max(mask.size(), *last / kBits + 1));
        for (uint64_t number = *first; number <= *last; ++number) {
            mask[number / kBits] |= 1UL << (number % kBits);
        }
    }
    return mask;
}

ProcessPlan build_process_plan(const Process& process,
                               const oci::RuntimeSpec& spec,
                               const HostFacts& facts) {
    ProcessPlan plan;
    plan.last_capability = facts.last_capability;
    plan_command(process, plan);
    plan_user(process, plan);
    plan_capabilities(process, plan);
    plan_rlimits(process, plan);
    plan_scheduling(process, plan);
    plan_memory_and_personality(spec, plan);
    plan.terminal = process.terminal;
    if (process.console_size) {
        plan.console_rows =
            static_cast<uint16_t>(std::min<uint32_t>(process.console_size->height, UINT16_MAX));
        plan.console_columns =
            static_cast<uint16_t>(std::min<uint32_t>(process.console_size->width, UINT16_MAX));
    }
    plan.no_new_privileges = process.no_new_privileges;
    plan.oom_score_adj = process.oom_score_adj;
    if (process.oom_score_adj &&
        (*process.oom_score_adj < -1000 || *process.oom_score_adj > 1000)) {
        fail("oomScoreAdj", "is not between -1000 and 1000");
    }
    if (!process.apparmor_profile.empty() && process.apparmor_profile != "unconfined") {
        plan.apparmor_exec = "exec " + process.apparmor_profile;
    }
    plan.selinux_exec = process.selinux_label;
    if (process.exec_cpu_affinity) {
        const auto& affinity = *process.exec_cpu_affinity;
        if (!affinity.initial.empty()) {
            plan.initial_cpu_affinity =
                parse_cpu_list(affinity.initial, "process: execCPUAffinity: initial");
        }
        if (!affinity.final_.empty()) {
            plan.cpu_affinity = parse_cpu_list(affinity.final_, "process: execCPUAffinity: final");
        }
    }
    plan_seccomp(spec, plan);
    return plan;
}

}  // namespace nau::runtime
