// The first process of a task, from clone to exec. Order, and why:
//   1  groups, namespaces                 while the process may still write the host's files
//   2  root: private propagation, attach the detached root over "/", pivot, let the host's tree go.
//      From here on no path leads to the host; only descriptors opened by the parent do
//   3  mounts, devices, links, names, sysctls, masked and read-only paths, read-only root
//   4  what needs privileges: limits, scheduling, labels, seccomp (unless no_new_privileges)
//   5  descriptors, user, capabilities; seccomp (with no_new_privileges); working directory
//   6  execve

#include <linux/sched.h>
#include <sys/prctl.h>

#include "runtime/child.h"
#include "runtime/child/context.h"
#include "runtime/child/procfs.h"
#include "runtime/child/stages.h"
#include "sys/raw.h"

namespace nau::runtime {

namespace raw = sys::raw;
using namespace child;

void run_init_child(const InitPlan& plan, const ChildInputs& inputs) noexcept {
    Context c{.process = plan.process, .in = inputs, .sync = inputs.sync};
    c.start_fifo = inputs.start_fifo;
    // A listener is handed to a parent that still waits for it.
    c.filters_last = plan.filters_last && plan.process.seccomp && !plan.process.seccomp->has_notify;
    if (inputs.start_hook_count > 0) {
        c.start_hook_state = inputs.start_hook_state;
        c.hook_output = inputs.hook_output;
    }
    for (int i = 0; i < 3; ++i) {
        c.stdio[i] = inputs.stdio[i];
    }
    (void)raw::prctl(PR_SET_DUMPABLE, 0);
    (void)raw::umask(0);
    die_with_parent(c);
    if (!inputs.joins_user_namespace) {
        raw::close(inputs.parent_sync);
        join_groups(c);
        join_namespaces(c, plan);
    }
    enter_user_namespace(c, plan);
    bring_up_loopback(c, plan);
    if (plan.new_cgroup_namespace) {
        at(c, Step::join_namespace, plan.namespaces.size());
        check(c, raw::unshare(CLONE_NEWCGROUP));
    }

    make_revealing_mounts(c, plan);
    ensure_procfs(c, plan);
    attach_root(c, plan);
    if (!plan.pivots_late) {
        enter_root(c);
    }
    make_mounts(c, plan);
    make_other_devices(c, plan);
    await_environment(c);
    if (plan.pivots_late) {
        run_create_hooks(c);
        enter_root(c);
    }
    open_terminal(c);
    bind_console(c, plan);
    set_names(c, plan);
    write_sysctls(c, plan);
    mask_paths(c, plan);
    make_paths_read_only(c, plan);
    finish_root(c, plan);

    set_limits(c);
    if (plan.process.oom_score_adj) {
        set_oom_score(c, open_in_procfs(c, "self/oom_score_adj"));
    }
    join_keyring(c, plan.keyring_name.c_str());
    at(c, Step::security_label);
    if (!plan.process.apparmor_exec.empty()) {
        const int fd = open_in_procfs(c, "self/attr/apparmor/exec");
        set_label(c,
                  fd == -ENOENT ? open_in_procfs(c, "self/attr/exec") : fd,
                  plan.process.apparmor_exec.c_str());
    }
    if (!plan.process.selinux_exec.empty()) {
        set_label(c, open_in_procfs(c, "self/attr/exec"), plan.process.selinux_exec.c_str());
    }

    confine(c);
    if (plan.init) {
        wait_for_start(c);
        run_start_hooks(c);
        become_reaper(c);
        take_terminal(c);
    } else {
        take_terminal(c);
        wait_for_start(c);
        run_start_hooks(c);
    }
    start_process(c);
    raw::exit(1);
}

void run_joining_child(const InitPlan& plan, const ChildInputs& inputs) noexcept {
    Context c{.process = plan.process, .in = inputs, .sync = inputs.sync};
    (void)raw::prctl(PR_SET_DUMPABLE, 0);
    die_with_parent(c);
    raw::close(inputs.parent_sync);
    join_groups(c);
    join_namespaces_and_user(c, plan);
    at(c, Step::clone);
    int pidfd = kNone;
    raw::CloneArgs arguments = {};
    arguments.flags = inputs.clone_flags | CLONE_PARENT | CLONE_PIDFD;
    arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
    const long pid = check(c, raw::clone3(arguments));
    if (pid == 0) {
        await_proceed(c);  // the parent must know of this process before it hears from it
        run_init_child(plan, inputs);
    }
    SyncMessage message;
    message.kind = SyncKind::process;
    message.pid = static_cast<int32_t>(pid);
    send(c, message, pidfd);
    raw::exit(0);
}

}  // namespace nau::runtime
