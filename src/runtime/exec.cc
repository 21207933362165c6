#include "runtime/exec.h"

#include <algorithm>
#include <cerrno>
#include <sched.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/core.h>

#include "base/error.h"
#include "runtime/child.h"
#include "runtime/handshake.h"
#include "runtime/plan_builder.h"
#include "runtime/seccomp_listener.h"
#include "sys/capabilities.h"
#include "sys/pipe.h"

namespace nau::runtime {

namespace {

/// Everything the task may have of its own. Joining a namespace that one is in already does no
/// harm, except for the user namespace, which is refused then.
int namespaces_of(const oci::RuntimeSpec& spec) {
    int flags =
        CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    for (const auto& ns : spec.linux_.namespaces) {
        if (ns.type == "user") {
            flags |= CLONE_NEWUSER;
        } else if (ns.type == "time") {
            flags |= 0x80;  // CLONE_NEWTIME, which <sched.h> may lack
        }
    }
    return flags;
}

}  // namespace

LaunchedTask exec_in(const ExecOptions& options) {
    if (options.spec == nullptr || options.process == nullptr) {
        throw Error(ErrorKind::internal, "exec without a spec or a process");
    }
    assert_single_threaded();
    const auto target = sys::find_process(options.target);
    if (!target) {
        throw Error(ErrorKind::not_found, "the container's first process has ended");
    }
    HostFacts facts;
    facts.last_capability = sys::last_capability();
    ProcessPlan plan = build_process_plan(*options.process, *options.spec, facts);
    std::vector<std::string> warnings = clamp_rlimits(plan);

    const StdioSources stdio = choose_stdio(options.stdio, plan.terminal);
    const std::vector<char*> argv = to_pointers(plan.argv);
    const std::vector<char*> env = to_pointers(plan.env);
    const std::string keyring = options.id.empty() ? "" : "_ses." + options.id;
    cgroup::JoinTargets groups;
    if (options.cgroup != nullptr) {
        groups = options.cgroup->open_join_targets();
    }
    std::vector<int> tasks;
    std::transform(groups.tasks_files.begin(),
                   groups.tasks_files.end(),
                   std::back_inserter(tasks),
                   [](const sys::UniqueFd& fd) { return fd.get(); });
    sys::SocketPair sockets = sys::socketpair(SOCK_SEQPACKET);

    ChildInputs inputs;
    inputs.sync = sockets.second.get();
    inputs.parent_sync = sockets.first.get();
    std::copy(std::begin(stdio.fds), std::end(stdio.fds), inputs.stdio);
    inputs.preserved = options.preserved_fds.data();
    inputs.preserved_count = options.preserved_fds.size();
    inputs.cgroup_tasks = tasks.data();
    inputs.cgroup_tasks_count = tasks.size();
    inputs.argv = argv.data();
    inputs.env = env.data();
    inputs.kill_with_parent = options.kill_with_parent;
    inputs.target_pidfd = target->get();
    inputs.target_namespaces = namespaces_of(*options.spec);
    inputs.keyring_name = keyring.c_str();

    Cloned cloned = clone_process(0, groups.clone_into.get());
    if (cloned.pid == 0) {
        run_exec_child(plan, inputs);
    }
    sys::Child stage1(cloned.pid, std::move(cloned.pidfd));
    sockets.second.reset();
    HandshakeAnswers answers;
    answers.listener = [&](sys::UniqueFd listener) {
        const ContainerState state = {.id = options.id,
                                      .status = "running",
                                      .pid = options.target.pid,
                                      .bundle = options.bundle,
                                      .annotations = options.spec->annotations};
        send_seccomp_listener(*plan.seccomp, state, stage1.pid(), std::move(listener));
    };
    HandshakeResult result = read_handshake(
        sockets.first.get(),
        stage1,
        [&](Step step, uint32_t object) {
            if (step == Step::join_namespace) {
                return std::string("join the container's namespaces");
            }
            return describe_process_step(plan, step, object);
        },
        answers);
    (void)stage1.wait();

    if (!result.process) {
        throw Error(ErrorKind::internal, "the joining process made no other");
    }
    LaunchedTask task;
    task.pid = result.process->pid();
    task.start_time = start_time_of(task.pid);
    task.pidfd = result.process->detach();
    task.console = std::move(result.console);
    task.warnings = std::move(warnings);
    task.warnings.insert(task.warnings.end(), result.warnings.begin(), result.warnings.end());
    return task;
}

}  // namespace nau::runtime
