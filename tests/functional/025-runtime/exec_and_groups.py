"""Exec sessions, and control groups (SECURITY-CASES 2, 16, 25)."""

import json
import os
import pathlib

from nautest import Host, main, skip, test
from nautest.runtime import Bundle


def groups_named(name):
    return [f"{root}{name}" for root in Host.cgroup_roots() if os.path.exists(f"{root}{name}")]


def mounted_mode():
    """By the mount table: a directory for the unified tree may be there without its mount."""
    types = {line.partition(" - ")[2].split()[0] for line in open("/proc/self/mountinfo")}
    return "hybrid" if {"cgroup", "cgroup2"} <= types else "v2" if "cgroup2" in types else "v1"


@test(needs="root")
def an_exec_session_is_confined_as_the_task_is(tmp):
    bundle = Bundle(tmp)
    inner = bundle.shell("for n in mnt pid ipc uts net cgroup; do readlink /proc/self/ns/$n; done; grep -E 'Cap|NoNew|Seccomp' "
                         "/proc/self/status; cat /proc/self/cgroup; pwd; id")
    bundle.process["args"] = ["/bin/sleep", "5"]
    script = ("for n in mnt pid ipc uts net cgroup; do test $(readlink /proc/self/ns/$n) = $(readlink /proc/1/ns/$n) || echo differs $n; done; "
              "grep -E 'Cap|NoNew|Seccomp' /proc/self/status; cat /proc/self/cgroup; pwd; id")
    outer = bundle.run("/bin/sleep", "5", execute=["/bin/sh", "-c", script])
    assert outer.status == 0 and outer.lines == inner.lines[6:], (inner, outer)


@test(needs="root")
def an_exec_session_in_the_host_pid_namespace_works_too(tmp):
    bundle = Bundle(tmp)
    bundle.linux["namespaces"] = [n for n in bundle.linux["namespaces"] if n["type"] not in ("pid", "network")]
    bundle.linux["sysctl"] = {}
    done = bundle.run("/bin/sleep", "5", execute=["/bin/sh", "-c", "readlink /proc/self/ns/pid; readlink /proc/self/ns/net"])
    assert done.lines == [os.readlink("/proc/self/ns/pid"), os.readlink("/proc/self/ns/net")], done


@test(needs="root")
def a_task_is_in_groups_of_its_own_and_leaves_none(tmp):
    bundle = Bundle(tmp)
    done = bundle.run("/bin/sleep", "5", options=["--figures"], execute=["/bin/ls", "/sys/fs/cgroup"])
    assert done.status == 0, done
    figures = json.loads(done.err.splitlines()[-1])
    assert figures["mode"] == mounted_mode() and figures["processes"] == 0 and figures["cpu_us"] > 0, figures
    assert figures["memory_peak"] > 0, figures
    assert groups_named(bundle.cgroup) == []


@test(needs=["root", "cgroup:memory"])
def a_memory_limit_kills_and_is_counted(tmp):
    bundle = Bundle(tmp)
    bundle.linux["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    done = bundle.shell("dd if=/dev/zero of=/dev/null bs=64M count=1", options=["--figures"])
    figures = json.loads(done.err.splitlines()[-1])
    assert done.status == 137 and figures["oom_kills"] >= 1, done
    assert figures["memory_limit"] == 16 << 20 and figures["memory_peak"] > 8 << 20, figures


@test(needs=["root", "cgroup:pids"])
def a_pids_limit_holds(tmp):
    bundle = Bundle(tmp)
    bundle.linux["resources"]["pids"] = {"limit": 4}
    done = bundle.shell("for i in 1 2 3 4 5 6; do sleep 0.3 & done; wait")
    assert "can't fork" in done.err, done
    done = bundle.shell("cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null")
    assert done.lines == ["4"], done


@test(needs=["root", "cgroup:cpu"])
def cpu_limits_are_written(tmp):
    bundle = Bundle(tmp)
    bundle.linux["resources"]["cpu"] = {"quota": 20000, "period": 100000, "shares": 512, "cpus": "0", "mems": "0"}
    done = bundle.shell("cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpuset/cpuset.cpus "
                        "/sys/fs/cgroup/cpu.max 2>/dev/null; grep Cpus_allowed_list /proc/self/status")
    assert done.lines[-1].split()[1] == "0", done
    assert done.lines[:-1] in (["20000", "512", "0"], ["20000 100000"]), done


@test(needs=["root", "cgroup:devices"])
def only_permitted_devices_can_be_used(tmp):
    bundle = Bundle(tmp)
    caps = bundle.process["capabilities"]
    for kind in ("bounding", "effective", "permitted"):
        caps[kind] = caps[kind] + ["CAP_MKNOD"]
    bundle.linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}]
    done = bundle.shell("head -c 1 /dev/kmsg; mknod /tmp/mem c 1 1 && echo made; head -c 1 /tmp/mem; head -c 1 /dev/urandom | wc -c")
    assert done.lines == ["made", "1"] and done.err.count("Operation not permitted") == 2, done


@test(needs="root")
def a_writable_group_file_system_shows_only_the_tasks_own_part(tmp):
    bundle = Bundle(tmp)
    for mount in bundle.config["mounts"]:
        if mount["destination"] == "/sys/fs/cgroup":
            mount["options"].remove("ro")
    done = bundle.shell("for d in /sys/fs/cgroup/*/; do test -e $d/cgroup.procs && cat $d/cgroup.procs | head -1; mkdir $d/sub; done; "
                        "cat /proc/self/cgroup")
    assert done.status == 0 and "nau-harness" not in done.out, done
    assert groups_named(bundle.cgroup) == []  # what the task made below its own groups is gone too


@test(needs="root")
def groups_with_processes_are_not_taken_over(tmp):
    bundle = Bundle(tmp)
    root = Host.cgroup_controller("memory") or skip("needs a writable cgroup controller 'memory'")
    group = pathlib.Path(root + bundle.cgroup)
    group.mkdir()
    try:
        (group / "cgroup.procs").write_text(str(os.getpid()))
        done = bundle.run("/bin/true")
        assert done.status == 125 and "has processes" in done.err and bundle.cgroup in done.err, done
    finally:
        pathlib.Path(root, "cgroup.procs").write_text(str(os.getpid()))
        group.rmdir()
    assert groups_named(bundle.cgroup) == []


@test(needs="root")
def a_limit_without_its_controller_is_refused_before_the_start(tmp):
    bundle = Bundle(tmp)
    bundle.linux["resources"]["rdma"] = {"mlx5_0": {"hcaHandles": 1}}
    if "rdma" in pathlib.Path("/proc/self/cgroup").read_text():
        skip("needs a machine without the rdma controller")
    done = bundle.run("/bin/true")
    assert done.status == 125 and "rdma" in done.err, done
    assert groups_named(bundle.cgroup) == []


main()
