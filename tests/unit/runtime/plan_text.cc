#include "tests/unit/runtime/plan_text.h"

#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <vector>

#include <fmt/format.h>

namespace nau::test {

namespace {

using namespace nau::runtime;

struct Bit {
    uint64_t value;
    const char* name;
};

std::string bits(uint64_t value, const std::vector<Bit>& names) {
    std::vector<std::string> words;
    for (const Bit& bit : names) {
        if ((value & bit.value) != 0) {
            words.emplace_back(bit.name);
            value &= ~bit.value;
        }
    }
    if (value != 0) {
        words.push_back(fmt::format("{:#x}", value));
    }
    return words.empty() ? "-" : fmt::format("{}", fmt::join(words, "+"));
}

std::string attributes(uint64_t value) {
    return bits(value,
                {{MOUNT_ATTR_RDONLY, "ro"},
                 {MOUNT_ATTR_NOSUID, "nosuid"},
                 {MOUNT_ATTR_NODEV, "nodev"},
                 {MOUNT_ATTR_NOEXEC, "noexec"},
                 {MOUNT_ATTR_NOATIME, "noatime"},
                 {MOUNT_ATTR_STRICTATIME, "strictatime"},
                 {MOUNT_ATTR_NODIRATIME, "nodiratime"},
                 {0x200000, "nosymfollow"}});
}

std::string propagation(uint64_t value, bool all) {
    return (all ? "r" : "") + bits(value,
                                   {{MS_PRIVATE, "private"},
                                    {MS_SLAVE, "slave"},
                                    {MS_SHARED, "shared"},
                                    {MS_UNBINDABLE, "unbindable"}});
}

std::string namespaces(uint64_t value) {
    return bits(value,
                {{CLONE_NEWNS, "mount"},
                 {CLONE_NEWPID, "pid"},
                 {CLONE_NEWNET, "network"},
                 {CLONE_NEWIPC, "ipc"},
                 {CLONE_NEWUTS, "uts"},
                 {CLONE_NEWUSER, "user"},
                 {CLONE_NEWCGROUP, "cgroup"},
                 {0x80, "time"}});
}

std::string parameters(const std::vector<FsParameter>& list) {
    std::string text;
    for (const auto& parameter : list) {
        text += fmt::format(
            " {}{}{}", parameter.key, parameter.value ? "=" : "", parameter.value.value_or(""));
    }
    return text;
}

std::string device(const DeviceNode& node) {
    const char type = S_ISCHR(node.mode) ? 'c' : S_ISBLK(node.mode) ? 'b' : 'p';
    return fmt::format("{} {} {}:{} {:o} {}:{}",
                       node.path,
                       type,
                       node.major,
                       node.minor,
                       node.mode & 07777,
                       node.uid,
                       node.gid);
}

std::string mount(const InitPlan& plan, const MountStep& step) {
    std::string text;
    if (step.kind == MountKind::bind) {
        const auto& source = plan.sources[*step.source];
        text = fmt::format("{}: bind {}{} -> /{}",
                           step.member,
                           source.path,
                           source.is_recursive ? " (recursive)" : "",
                           step.target);
        text += fmt::format(
            " set {} clear {}", attributes(step.change.set), attributes(step.change.clear));
        if (step.change.set_all != 0 || step.change.clear_all != 0) {
            text += fmt::format(" all: set {} clear {}",
                                attributes(step.change.set_all),
                                attributes(step.change.clear_all));
        }
    } else {
        text = fmt::format("{}: {} -> /{} {}{}",
                           step.member,
                           step.fs_type,
                           step.target,
                           attributes(step.attributes),
                           parameters(step.parameters));
    }
    if (step.propagation != 0) {
        text += " " + propagation(step.propagation, step.propagation_all);
    }
    for (const auto& [is_set, word] :
         {std::pair{step.no_symlinks, "no-symlinks"},
          std::pair{step.may_cover_procfs, "may-cover-procfs"},
          std::pair{step.source_must_be_procfs, "source-must-be-procfs"},
          std::pair{step.copy_up, "copy-up"},
          std::pair{step.is_proc, "is-proc"},
          std::pair{step.is_dev, "is-dev"},
          std::pair{step.read_only_when_filled, "read-only-when-filled"}}) {
        text += is_set ? fmt::format(" [{}]", word) : "";
    }
    text += "\n";
    for (const auto& node : step.devices) {
        text += "    device " + device(node) + "\n";
    }
    for (const auto& link : step.symlinks) {
        text += fmt::format("    link {} -> {}\n", link.path, link.target);
    }
    for (const auto& group : step.cgroups) {
        text += fmt::format("    hierarchy {} {}{}{}\n",
                            group.name,
                            group.fs_type,
                            parameters(group.parameters),
                            group.source ? " from " + plan.sources[*group.source].path : "");
    }
    return text;
}

std::string process(const ProcessPlan& plan) {
    std::string text = fmt::format("argv {}\nenv {}\nsearch {}\ncwd {}\n",
                                   fmt::join(plan.argv, " | "),
                                   fmt::join(plan.env, " | "),
                                   fmt::join(plan.search_path, " "),
                                   plan.cwd);
    text += fmt::format("user {}:{} groups {} umask {:03o}\n",
                        plan.uid,
                        plan.gid,
                        fmt::join(plan.groups, ","),
                        plan.umask.value_or(0));
    if (plan.capabilities) {
        const auto& c = *plan.capabilities;
        text += fmt::format(
            "capabilities bounding {:x} effective {:x} inheritable {:x} permitted "
            "{:x} ambient {:x}\n",
            c.bounding,
            c.effective,
            c.inheritable,
            c.permitted,
            c.ambient);
    }
    text +=
        fmt::format("terminal {} {}x{}\n", plan.terminal, plan.console_rows, plan.console_columns);
    text += fmt::format("no_new_privileges {}\n", plan.no_new_privileges);
    text += fmt::format("seccomp {}\n", plan.seccomp ? "yes" : "no");
    for (const auto& limit : plan.rlimits) {
        text += fmt::format(
            "rlimit {} ({}) {} {}\n", limit.name, limit.resource, limit.soft, limit.hard);
    }
    if (plan.oom_score_adj) {
        text += fmt::format("oom_score_adj {}\n", *plan.oom_score_adj);
    }
    if (plan.scheduler) {
        const auto& s = *plan.scheduler;
        text += fmt::format("scheduler {} flags {} nice {} priority {} {}/{}/{}\n",
                            s.policy,
                            s.flags,
                            s.nice,
                            s.priority,
                            s.runtime,
                            s.deadline,
                            s.period);
    }
    if (plan.io_priority) {
        text += fmt::format("io_priority {:#x}\n", *plan.io_priority);
    }
    if (plan.memory_policy) {
        text += fmt::format("memory_policy {:#x} {:x}\n",
                            plan.memory_policy->mode,
                            fmt::join(plan.memory_policy->nodes, ","));
    }
    if (plan.personality) {
        text += fmt::format("personality {:#x}\n", *plan.personality);
    }
    if (!plan.cpu_affinity.empty()) {
        text += fmt::format("cpu_affinity {:x}\n", fmt::join(plan.cpu_affinity, ","));
    }
    text += fmt::format("labels '{}' '{}'\n", plan.apparmor_exec, plan.selinux_exec);
    return text;
}

}  // namespace

std::string plan_text(const InitPlan& plan) {
    std::string text = fmt::format("id {}\nclone {}{}\n",
                                   plan.id,
                                   namespaces(plan.clone_flags),
                                   plan.new_cgroup_namespace ? ", then cgroup" : "");
    for (const auto& ns : plan.namespaces) {
        text += fmt::format(
            "join {} {} ({})\n", namespaces(static_cast<uint64_t>(ns.flag)), ns.path, ns.member);
    }
    for (const auto& map : plan.uid_mappings) {
        text += fmt::format("uid map {} {} {}\n", map.container_id, map.host_id, map.size);
    }
    for (const auto& map : plan.gid_mappings) {
        text += fmt::format("gid map {} {} {}\n", map.container_id, map.host_id, map.size);
    }
    for (const auto& line : plan.time_offsets) {
        text += fmt::format("time {} {} {}\n", line.clock, line.secs, line.nanosecs);
    }
    text += fmt::format("hostname '{}' domainname '{}'\n", plan.hostname, plan.domainname);
    for (const auto& step : plan.mounts) {
        text += mount(plan, step);
    }
    for (const auto& node : plan.devices) {
        text += "device /" + device(node) + "\n";
    }
    for (const auto& link : plan.symlinks) {
        text += fmt::format("link /{} -> {}\n", link.path, link.target);
    }
    text += fmt::format("console {}\nmasked {}\nread-only {}\n",
                        plan.console_in_dev,
                        fmt::join(plan.masked_paths, " "),
                        fmt::join(plan.readonly_paths, " "));
    text += fmt::format("root read-only {} propagation {}\n",
                        plan.readonly_root,
                        propagation(plan.root_propagation, plan.root_propagation_all));
    for (const auto& sysctl : plan.sysctls) {
        text += fmt::format("sysctl {} = {}\n", sysctl.path, sysctl.value);
    }
    text += fmt::format("keyring '{}' init {} private procfs {}\n",
                        plan.keyring_name,
                        plan.init,
                        plan.needs_private_procfs);
    return text + process(plan.process);
}

}  // namespace nau::test
