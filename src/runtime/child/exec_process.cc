#include <cerrno>
#include <fcntl.h>
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

void run_exec_child(const ProcessPlan& process, const ChildInputs& inputs) noexcept {
    Context c{.process = process, .in = inputs, .sync = inputs.sync};
    for (int i = 0; i < 3; ++i) {
        c.stdio[i] = inputs.stdio[i];
    }
    (void)raw::prctl(PR_SET_DUMPABLE, 0);
    (void)raw::umask(0);
    die_with_parent(c);
    raw::close(inputs.parent_sync);
    set_affinity(c, process.initial_cpu_affinity);
    join_groups(c);

    // The host's /proc is still there.
    at(c, Step::prepare);
    int oom_score = kNone;
    if (process.oom_score_adj) {
        oom_score = raw::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        set_oom_score(c, oom_score);
    }
    at(c, Step::security_label);
    if (!process.apparmor_exec.empty()) {
        int fd = raw::open("/proc/self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);
        if (fd == -ENOENT) {
            fd = raw::open("/proc/self/attr/exec", O_WRONLY | O_CLOEXEC);
        }
        set_label(c, fd, process.apparmor_exec.c_str());
    }
    if (!process.selinux_exec.empty()) {
        set_label(c,
                  raw::open("/proc/self/attr/exec", O_WRONLY | O_CLOEXEC),
                  process.selinux_exec.c_str());
    }

    at(c, Step::join_namespace);
    // All at once; the pid namespace takes effect for the fork below only, so that this process is
    // never seen from inside.
    check(c, raw::setns(inputs.target_pidfd, inputs.target_namespaces));
    if ((inputs.target_namespaces & CLONE_NEWUSER) != 0) {
        at(c, Step::id_maps);
        check(c, raw::setresgid(0, 0, 0));
        check(c, raw::setresuid(0, 0, 0));
        (void)raw::prctl(PR_SET_DUMPABLE, 0);
    }
    at(c, Step::pivot_root);
    check(c, raw::chdir("/"));

    set_limits(c);
    join_keyring(c, inputs.keyring_name);
    open_terminal(c);
    confine(c);

    at(c, Step::clone);
    int pidfd = kNone;
    const long pid = check(c, raw::clone(CLONE_PARENT | CLONE_PIDFD, &pidfd));
    if (pid != 0) {
        SyncMessage message;
        message.kind = SyncKind::process;
        message.pid = static_cast<int32_t>(pid);
        send(c, message, pidfd);
        raw::exit(0);
    }
    die_with_parent(c);
    take_terminal(c);
    start_process(c);
    raw::exit(1);
}

}  // namespace nau::runtime
