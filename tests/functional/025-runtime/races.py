"""Attackers that move while the runtime works (SECURITY-CASES 2, 4, 5, 7-12)."""

import os
import subprocess

from nautest import main, test
from nautest.runtime import Bundle, Racer, host_mounts

TRIES = 40


@test(needs="root", timeout=120)
def a_mount_point_that_flips_between_directory_and_link_leads_nowhere_outside(tmp):
    outside, volume, source = tmp / "outside", tmp / "volume", tmp / "source"
    for directory in (outside, volume, source, volume / "target"):
        directory.mkdir()
    (volume / "link").symlink_to(outside)
    bundle = Bundle(tmp / "b")
    bundle.bind(volume, "/volume")
    bundle.bind(source, "/volume/target/deep/inside")
    before = host_mounts()
    started = 0
    with Racer(volume / "target", volume / "link"):
        for _ in range(60):
            # A failure is as good as a success; only what happens outside counts.
            started += bundle.run("/bin/true").status == 0
    assert started > 0
    assert list(outside.iterdir()) == [] and list(source.iterdir()) == []
    assert host_mounts() == before


def run_often(bundle, script):
    """What the container said, each time that it was started at all."""
    said = []
    for _ in range(TRIES):
        done = bundle.shell(script)
        if done.status != 125:
            said.append(done)
    return said


@test(needs="root", timeout=120)
def proc_sys_and_dev_that_flip_lead_nowhere_outside(tmp):
    # CVE-2019-19921, CVE-2023-27561: a directory that looks like procfs, reached by a link.
    outside = tmp / "outside"
    for name in ("self/attr", "self/fd", "sys/kernel", "sys/net", "pts", "shm", "mqueue", "fs/cgroup"):
        (outside / name).mkdir(parents=True)
    bundle = Bundle(tmp / "b")
    before = host_mounts()
    inodes = sorted(outside.rglob("*"))
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}  # written through nau's own procfs or not at all
    for name in ("proc", "sys", "dev"):
        (bundle.root / name).mkdir(exist_ok=True)
        (bundle.root / f"{name}-link").symlink_to("../../outside")
        with Racer(bundle.root / name, bundle.root / f"{name}-link"):
            run_often(bundle, "true")
        for path in (bundle.root / name, bundle.root / f"{name}-link"):
            path.unlink() if path.is_symlink() else path.rmdir()
    assert sorted(outside.rglob("*")) == inodes and host_mounts() == before


@test(needs="root", timeout=120)
def a_null_device_that_flips_masks_or_the_start_fails(tmp):
    # CVE-2025-31133: what is bound over masked files must be the device, not where a link of its name leads.
    bundle = Bundle(tmp / "b")
    for destination in ("/dev/pts", "/dev/shm", "/dev/mqueue"):
        bundle.without_mount(destination)
    bundle.without_mount("/dev")
    (bundle.root / "dev").mkdir(exist_ok=True)
    (bundle.root / "secret").write_text("shown\n")
    (bundle.root / "target").write_text("other\n")
    os.mknod(bundle.root / "dev" / "null", 0o20666, os.makedev(1, 3))
    (bundle.root / "dev" / "link").symlink_to("/target")
    bundle.linux["maskedPaths"] = ["/secret"]
    with Racer(bundle.root / "dev" / "null", bundle.root / "dev" / "link"):
        for done in run_often(bundle, "cat /secret"):
            assert done.out == "", done
    assert (bundle.root / "target").read_text() == "other\n"


@test(needs="root", timeout=120)
def a_terminal_directory_that_flips_gives_no_foreign_console(tmp):
    # CVE-2025-52565: /dev and its pts come from a volume in which another container moves them.
    outside = tmp / "outside"
    outside.mkdir()
    for number in range(4):
        (outside / str(number)).write_text("host\n")
    volume = tmp / "volume"
    (volume / "pts").mkdir(parents=True)
    (volume / "link").symlink_to(outside)
    bundle = Bundle(tmp / "b")
    for mount in bundle.config["mounts"]:
        if mount["destination"] == "/dev":
            mount.update(type="bind", source=str(volume), options=["rbind"])
    for destination in ("/dev/shm", "/dev/mqueue"):
        bundle.without_mount(destination)
    bundle.process["terminal"] = True
    before = host_mounts()
    with Racer(volume / "pts", volume / "link"):
        for done in run_often(bundle, "cat /dev/console </dev/null; stat -c %t /dev/console"):
            assert "host" not in done.out, done
    assert [p.read_text() for p in sorted(outside.iterdir())] == ["host\n"] * 4 and host_mounts() == before


@test(needs="root", timeout=120)
def device_directories_that_flip_get_no_node_outside(tmp):
    # CVE-2026-41579: nodes are made where the root's own directory is.
    outside = tmp / "outside"
    outside.mkdir()
    bundle = Bundle(tmp / "b")
    (bundle.root / "srv").mkdir()
    (bundle.root / "srv-link").symlink_to("../../outside")
    bundle.linux["devices"] = [{"path": "/srv/zero", "type": "c", "major": 1, "minor": 5}]
    with Racer(bundle.root / "srv", bundle.root / "srv-link"):
        run_often(bundle, "true")
    assert list(outside.iterdir()) == []


@test(needs="root", timeout=120)
def a_process_that_joins_never_shows_more_than_the_container_has(tmp):
    bundle = Bundle(tmp)
    capabilities = bundle.process["capabilities"]
    for kind in ("bounding", "effective", "permitted"):
        capabilities[kind] = capabilities[kind] + ["CAP_SYS_PTRACE"]
    del bundle.config["annotations"]
    # Everything that appears is looked at: its privileges, its descriptors.
    spy = ("expected=$(grep CapPrm /proc/self/status); echo ready; while :; do for p in /proc/[2-9]* /proc/[1-9][0-9]*; do "
           "test -d \"$p\" || continue; c=$(grep -h CapPrm \"$p/status\" 2>/dev/null); test -z \"$c\" -o \"$c\" = \"$expected\" || echo \"BAD $c\"; "
           "for f in $p/fd/*; do l=$(readlink $f 2>/dev/null); case \"$l\" in ''|/dev/null|pipe:*|/proc/*|socket:*|/) ;; "
           "*) echo \"BAD $p $l\";; esac; done; done; done")
    arguments = bundle.command("/bin/sh", "-c", spy)
    execute = "i=0; while [ $i -lt 3 ]; do i=$((i+1)); done"
    seen = ""
    for _ in range(25):
        done = subprocess.run(arguments + ["--exec", "/bin/sh", "-c", execute], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30)
        seen += done.stdout
        assert done.returncode == 0, done
    assert "BAD" not in seen and seen.count("ready") > 0, seen
    # The spy does see: a session with a descriptor too many.
    done = subprocess.run(arguments + ["--exec", "/bin/sh", "-c", "exec sleep 1 3</etc/passwd"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)
    assert "BAD /proc/" in done.stdout and "/etc/passwd" in done.stdout, done


main()
