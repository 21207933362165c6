"""What a container cannot see and do: namespaces, capabilities, filters, masked paths, control groups."""

import os

from nautest import main, skip, test

def mask(*numbers):
    return sum(1 << n for n in numbers)


# chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service sys_chroot setfcap
DEFAULT_CAPABILITIES = mask(0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31)


def caps(report):
    return {name: int(report["status"][name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


@test
def all_namespaces_are_its_own(nau):
    inside = nau.probe(args=["namespaces"])["namespaces"]
    for kind in ("mnt", "pid", "net", "ipc", "uts", "cgroup"):
        assert inside[kind] != os.readlink(f"/proc/self/ns/{kind}"), kind
    host = nau.probe("--network", "host", "--pid", "host", "--ipc", "host", "--uts", "host", args=["namespaces"])["namespaces"]
    for kind in ("pid", "net", "ipc", "uts"):
        assert host[kind] == os.readlink(f"/proc/self/ns/{kind}"), kind


@test
def root_has_the_default_capabilities_and_no_others(nau):
    assert caps(nau.probe(args=["status"])) == {
        "CapInh": 0, "CapAmb": 0, "CapPrm": DEFAULT_CAPABILITIES, "CapEff": DEFAULT_CAPABILITIES, "CapBnd": DEFAULT_CAPABILITIES}


@test
def a_user_has_none_and_inheritable_and_ambient_sets_stay_empty(nau):
    for options in ((), ("--cap-add", "net_raw")):
        found = caps(nau.probe("-u", "1000", *options, args=["status"]))
        assert (found["CapInh"], found["CapAmb"], found["CapPrm"], found["CapEff"]) == (0, 0, 0, 0), found


@test
def capabilities_are_added_and_dropped(nau):
    assert caps(nau.probe("--cap-drop", "all", args=["status"]))["CapBnd"] == 0
    assert caps(nau.probe("--cap-drop", "ALL", "--cap-add", "CAP_NET_RAW", args=["status"]))["CapEff"] == mask(13)
    assert caps(nau.probe("--cap-add", "sys_ptrace", args=["status"]))["CapEff"] == DEFAULT_CAPABILITIES | mask(19)
    nau.fails(125, "run", "--rm", "--cap-add", "nonsense", nau.image(), "true", error="nonsense")


@test
def a_filter_is_in_force_unless_it_is_not_wanted(nau):
    assert nau.probe(args=["status"])["status"]["Seccomp"] == "2"
    assert nau.probe("--security-opt", "seccomp=unconfined", args=["status"])["status"]["Seccomp"] == "0"
    assert nau.probe("--privileged", args=["status"])["status"]["Seccomp"] == "0"


@test
def the_filter_refuses_what_it_should(nau):
    image = nau.image()
    for command in ("unshare -U true", "mount -t tmpfs x /mnt", "chroot --help >/dev/null; mknod /x b 8 0; cat /x"):
        assert nau("run", "--rm", image, "sh", "-c", command, status=None).status != 0, command


@test
def no_new_privileges_is_set_when_asked_for(nau):
    assert nau.probe(args=["no_new_privs"])["no_new_privs"] == 0
    assert nau.probe("--security-opt", "no-new-privileges", args=["no_new_privs"])["no_new_privs"] == 1


@test
def host_wide_knobs_are_masked_or_read_only(nau):
    image = nau.image()
    assert nau("run", "--rm", image, "cat", "/proc/kcore", status=None).out == ""
    assert nau("run", "--rm", image, "ls", "/sys/firmware").out == ""
    for path in ("/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity"):
        assert nau("run", "--rm", image, "sh", "-c", f"echo x > {path}", status=None).status != 0, path
    assert nau("run", "--rm", image, "sh", "-c", "mkdir /sys/fs/cgroup/x", status=None).status != 0
    assert nau("run", "--rm", "--security-opt", "unmask=/sys/firmware", image, "ls", "/sys/firmware").out == \
        "".join(n + "\n" for n in sorted(os.listdir("/sys/firmware")))


@test
def devices_are_the_harmless_ones(nau):
    listed = set(nau("run", "--rm", nau.image(), "ls", "/dev").lines)
    assert listed >= {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue", "fd", "stdin", "stdout", "stderr"}
    assert not {"kmsg", "mem", "vda", "sda", "kvm", "fuse"} & listed, listed


@test
def a_device_is_there_when_asked_for(nau):
    image = nau.image()
    assert nau("run", "--rm", "--device", "/dev/null:/dev/hole", image, "sh", "-c", "echo x > /dev/hole && stat -c %t:%T /dev/hole").out == "1:3\n"
    nau.fails(125, "run", "--rm", "--device", "/dev/nosuch", image, "true", error="/dev/nosuch")


@test(needs=["cgroup:memory", "cgroup:pids", "cgroup:cpu"])
def limits_are_in_force(nau):
    image = nau.image()
    script = ("cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max "
              "/sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || "
              "{ cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max; cut -d' ' -f1 /sys/fs/cgroup/cpu.max; }")
    assert nau("run", "--rm", "-m", "64m", "--pids-limit", "33", "--cpus", "1.5", image, "sh", "-c", script).lines == \
        [str(64 << 20), "33", "150000"]


@test(needs=["cgroup:memory"])
def memory_that_is_used_up_ends_it_and_says_so(nau):
    name = "hungry"
    nau("run", "--name", name, "-m", "16m", nau.image(), "sh", "-c", "x=$(head -c 64m /dev/zero | tr '\\0' x); echo $x | wc -c", status=None)
    state = nau("inspect", name).json()[0]["State"]
    assert state["OOMKilled"] is True, state


@test(needs=["cgroup:pids"])
def a_fork_bomb_meets_the_limit(nau):
    result = nau("run", "--rm", "--pids-limit", "10", nau.image(), "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; wait", status=None, timeout=30)
    assert "fork" in result.err, result


@test
def privileged_has_everything(nau):
    report = nau.probe("--privileged", args=["status"])
    with open("/proc/sys/kernel/cap_last_cap") as f:
        everything = (1 << (int(f.read()) + 1)) - 1
    bounding = int([l for l in open("/proc/self/status") if l.startswith("CapBnd")][0].split()[1], 16)
    assert caps(report)["CapBnd"] == everything & bounding


@test
def the_host_name_is_the_short_id_or_what_is_asked_for(nau):
    assert nau("run", "--rm", "--hostname", "box", nau.image(), "sh", "-c", "hostname; cat /etc/hostname; grep -c box /etc/hosts").lines == ["box", "box", "1"]


@test
def setuid_and_shared_memory_and_queues_are_set_up(nau):
    out = nau("run", "--rm", "--shm-size", "3m", nau.image(), "sh", "-c", "df -k /dev/shm | tail -1 | awk '{print $2}'; ls -d /dev/mqueue; stat -f -c %T /dev/pts").lines
    assert out[0] == "3072", out
    if len(out) < 3:
        skip("busybox without stat -f")


main()
