#include <cerrno>
#include <climits>
#include <linux/keyctl.h>
#include <sys/resource.h>

#include "runtime/child/context.h"
#include "runtime/child/stages.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

void set_limits(Context& c) noexcept {
    if (c.in.open_files != nullptr) {
        at(c, Step::rlimit, c.process.rlimits.size());
        check(c, raw::setrlimit(RLIMIT_NOFILE, *c.in.open_files));
    }
    for (size_t i = 0; i < c.process.rlimits.size(); ++i) {
        at(c, Step::rlimit, i);
        const RlimitSetting& limit = c.process.rlimits[i];
        check(c, raw::setrlimit(limit.resource, rlimit{limit.soft, limit.hard}));
    }
    if (c.process.personality) {
        at(c, Step::personality);
        check(c, raw::personality(*c.process.personality));
    }
    if (c.process.scheduler) {
        at(c, Step::scheduler);
        const SchedulerSetting& in = *c.process.scheduler;
        raw::SchedAttr attributes = {};
        attributes.size = sizeof attributes;
        attributes.sched_policy = in.policy;
        attributes.sched_flags = in.flags;
        attributes.sched_nice = in.nice;
        attributes.sched_priority = in.priority;
        attributes.sched_runtime = in.runtime;
        attributes.sched_deadline = in.deadline;
        attributes.sched_period = in.period;
        check(c, raw::sched_setattr(0, attributes));
    }
    if (c.process.io_priority) {
        at(c, Step::io_priority);
        constexpr int kWhoProcess = 1;
        check(c, raw::ioprio_set(kWhoProcess, 0, *c.process.io_priority));
    }
    if (c.process.memory_policy) {
        at(c, Step::memory_policy);
        const MemoryPolicySetting& policy = *c.process.memory_policy;
        check(c,
              raw::set_mempolicy(policy.mode,
                                 policy.nodes.empty() ? nullptr : policy.nodes.data(),
                                 policy.nodes.size() * sizeof(unsigned long) * CHAR_BIT));
    }
    set_affinity(c, c.process.cpu_affinity);
}

void set_affinity(Context& c, const std::vector<unsigned long>& mask) noexcept {
    if (mask.empty()) {
        return;
    }
    at(c, Step::scheduler, 1);
    check(c, raw::sched_setaffinity(0, mask.size() * sizeof(unsigned long), mask.data()));
}

void join_keyring(Context& c, const char* name) noexcept {
    if (name == nullptr || *name == '\0') {
        return;
    }
    at(c, Step::keyring);
    const int result = raw::keyctl(KEYCTL_JOIN_SESSION_KEYRING, raw::arg(name));
    // A kernel without keys, a filter around us, or the user's quota: the start goes on with the
    // caller's keyring possessed by nobody of the container's ids.
    if (result < 0 && result != -ENOSYS) {
        report(c, SyncKind::warning, -result, "");
    }
}

}  // namespace nau::runtime::child
