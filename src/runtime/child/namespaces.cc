#include <cerrno>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "runtime/child/context.h"
#include "runtime/child/stages.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

namespace {

constexpr unsigned long kSetInterfaceFlags = 0x8914;  // SIOCSIFFLAGS

}  // namespace

void join_groups(Context& c) noexcept {
    at(c, Step::join_cgroup);
    for (size_t i = 0; i < c.in.cgroup_tasks_count; ++i) {
        c.object = static_cast<uint32_t>(i);
        // "tasks" and not "cgroup.procs": a single thread needs no RCU grace period.
        check(c, raw::write(c.in.cgroup_tasks[i], "0", 1));
        raw::close(c.in.cgroup_tasks[i]);
    }
}

void die_with_parent(const Context& c) noexcept {
    if (c.in.kill_with_parent) {
        (void)raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
}

void join_namespaces(Context& c, const InitPlan& plan) noexcept {
    at(c, Step::join_namespace);
    for (size_t i = 0; i < plan.namespaces.size(); ++i) {
        c.object = static_cast<uint32_t>(i);
        if (c.in.namespaces[i] != kNone) {
            check(c, raw::setns(c.in.namespaces[i], plan.namespaces[i].flag));
        }
    }
}

/// Ends the process unless the parent says so: it has gone, or has failed and said why itself.
void await_proceed(const Context& c) noexcept {
    SyncMessage message;
    long size = 0;
    do {
        size = raw::read(c.sync, &message, sizeof message);
    } while (size == -EINTR);
    if (size != sizeof message || message.kind != SyncKind::proceed) {
        raw::exit(1);
    }
}

void enter_user_namespace(Context& c, const InitPlan& plan) noexcept {
    if (!plan.new_user_namespace) {
        return;
    }
    at(c, Step::id_maps);
    await_proceed(c);
    become_root_of_namespace(c);
}

void become_root_of_namespace(Context& c) noexcept {
    at(c, Step::id_maps);
    // Without mapped ids every file would belong to nobody. Groups may be kept by the namespace;
    // there are none to drop then.
    (void)raw::setgroups(0, nullptr);
    check(c, raw::setresgid(0, 0, 0));
    check(c, raw::setresuid(0, 0, 0));
    // The change of ids has made the process dumpable or not by the system's default.
    (void)raw::prctl(PR_SET_DUMPABLE, 0);
}

void join_namespaces_and_user(Context& c, const InitPlan& plan) noexcept {
    constexpr size_t kMaxNamespaces = 16;
    bool is_joined[kMaxNamespaces] = {};
    const size_t count = plan.namespaces.size();
    if (count > kMaxNamespaces) {
        die(c, EINVAL);
    }
    at(c, Step::join_namespace);
    size_t user = count;
    for (size_t i = 0; i < count; ++i) {
        c.object = static_cast<uint32_t>(i);
        if (c.in.namespaces[i] == kNone) {
            is_joined[i] = true;
        } else if (plan.namespaces[i].flag == CLONE_NEWUSER) {
            user = i;
            is_joined[i] = true;
        } else {
            const int result = raw::setns(c.in.namespaces[i], plan.namespaces[i].flag);
            is_joined[i] = result == 0;
            if (result != -EPERM) {
                check(c, result);
            }
        }
    }
    if (user < count) {
        c.object = static_cast<uint32_t>(user);
        check(c, raw::setns(c.in.namespaces[user], CLONE_NEWUSER));
        become_root_of_namespace(c);
        at(c, Step::join_namespace);
    }
    for (size_t i = 0; i < count; ++i) {
        if (!is_joined[i]) {
            c.object = static_cast<uint32_t>(i);
            check(c, raw::setns(c.in.namespaces[i], plan.namespaces[i].flag));
        }
    }
}

void await_environment(Context& c) noexcept {
    if (!c.in.awaits_environment) {
        return;
    }
    at(c, Step::hooks);
    SyncMessage message;
    message.kind = SyncKind::environment;
    send(c, message);
    await_proceed(c);
}

/// A new network namespace has a loopback device, and it is down.
void bring_up_loopback(Context& c, const InitPlan& plan) noexcept {
    if ((plan.clone_flags & CLONE_NEWNET) == 0) {
        return;
    }
    at(c, Step::loopback);
    // Any socket will do; this family is always there.
    const int fd = check(c, raw::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC));
    ifreq request = {};
    copy_text(request.ifr_name, sizeof request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    check(c, raw::ioctl(fd, kSetInterfaceFlags, &request));
    raw::close(fd);
}

}  // namespace nau::runtime::child
