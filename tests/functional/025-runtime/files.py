"""The runtime's file system work: mounts, mount points and hostile roots (SECURITY-CASES 3, 5-15)."""

import json
import os

from nautest import main, test
from nautest.runtime import Bundle, host_mounts


@test(needs="root")
def the_mounts_are_those_that_were_asked_for_and_the_host_sees_none(tmp):
    bundle = Bundle(tmp)
    before = host_mounts()
    done = bundle.shell("cat /proc/self/mountinfo")
    assert done.status == 0, done
    table = {line.split()[4]: line for line in done.lines}
    assert " - proc " in table["/proc"] and "nosuid,nodev,noexec" in table["/proc"]
    assert " - tmpfs " in table["/dev"] and "mode=755" in table["/dev"]
    assert " - devpts " in table["/dev/pts"] and "ptmxmode=666" in table["/dev/pts"]
    assert " ro," in table["/sys"] and " - sysfs " in table["/sys"]
    assert " ro," in table["/proc/sys"]
    assert table["/"].split()[5].startswith("rw")
    assert not any("shared:" in line or "master:" in line for line in done.lines)
    assert host_mounts() == before


@test(needs="root")
def symbolic_links_in_place_of_proc_sys_and_dev_are_refused(tmp):
    outside = tmp / "outside"
    outside.mkdir()
    for name in ("proc", "sys", "dev"):
        for target in ("../../outside", str(outside), "tmp", "loop"):
            bundle = Bundle(tmp / f"{name}-{target.replace('/', '_')}")
            (bundle.root / name).symlink_to(target)
            (bundle.root / "loop").symlink_to("tmp")
            done = bundle.run("/bin/true")
            assert done.status == 125 and f"/{name}" in done.err and "symbolic link" in done.err, done
    assert list(outside.iterdir()) == []


@test(needs="root")
def a_dev_link_without_a_dev_mount_does_not_steer_devices_to_the_host(tmp):
    outside = tmp / "outside"
    outside.mkdir()
    bundle = Bundle(tmp / "b")
    for destination in ("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"):
        bundle.without_mount(destination)
    (bundle.root / "dev").symlink_to("../../outside")
    bundle.shell("ls -l /dev/")
    assert list(outside.iterdir()) == []


@test(needs="root")
def mount_points_are_made_inside_the_root_whatever_links_say(tmp):
    outside = tmp / "outside"
    outside.mkdir()
    (outside / "secret").write_text("host\n")
    source = tmp / "source"
    source.mkdir()
    (source / "file").write_text("mounted\n")
    bundle = Bundle(tmp / "b")
    root = bundle.root
    (root / "absolute").symlink_to(str(outside))
    (root / "climbing").symlink_to("../../../../../../.." + str(outside))
    (root / "etc" / "resolv.conf").symlink_to("../run/deep/stub.conf")
    (root / "chain1").symlink_to("/chain2/x")
    (root / "chain2").symlink_to("opt/made")
    bundle.bind(source, "/absolute/sub/dir")
    bundle.bind(source, "/climbing/there")
    bundle.bind(source, "/chain1/y")
    bundle.bind(source / "file", "/etc/resolv.conf")
    bundle.bind(source / "file", "/new/dir/hosts")
    bundle.bind(source, "/a/../../../b/./c")
    done = bundle.shell("cat /absolute/sub/dir/file /climbing/there/file /chain1/y/file /opt/made/x/y/file "
                        "/etc/resolv.conf /run/deep/stub.conf /new/dir/hosts /b/c/file")
    assert done.out == "mounted\n" * 8, done
    assert sorted(p.name for p in outside.iterdir()) == ["secret"]


@test(needs="root")
def nothing_may_cover_parts_of_procfs(tmp):
    source = tmp / "source"
    source.mkdir()
    bundle = Bundle(tmp / "b")
    (bundle.root / "through").symlink_to("/proc/sys")
    for destination in ("/proc", "/proc/sys/kernel", "/proc/self/attr", "/sys/../proc/1", "/through", "/through/kernel"):
        bundle.config = json.loads(json.dumps(bundle.usual))
        bundle.bind(source, destination)
        done = bundle.run("/bin/true")
        assert done.status == 125 and ("proc" in done.err), (destination, done)
    bundle.config = json.loads(json.dumps(bundle.usual))
    (source / "cpuinfo").write_text("a lie\n")
    bundle.bind(source / "cpuinfo", "/proc/cpuinfo")
    assert bundle.run("/bin/cat", "/proc/cpuinfo").out == "a lie\n"


@test(needs="root")
def a_working_directory_cannot_be_a_descriptor(tmp):
    bundle = Bundle(tmp)
    for number in range(3, 64):
        bundle.process["cwd"] = f"/proc/self/fd/{number}"
        done = bundle.run("/bin/pwd")
        assert done.status == 125 and "working directory" in done.err, done
    (bundle.root / "sneaky").symlink_to("/proc/self/fd/7")
    bundle.process["cwd"] = "/sneaky"
    assert bundle.run("/bin/pwd").status == 125
    bundle.process["cwd"] = "/no/such"
    done = bundle.run("/bin/pwd")
    assert done.status == 125 and "/no/such" in done.err
    (bundle.root / "work").symlink_to("../../../root")
    bundle.process["cwd"] = "/work/../work"
    assert bundle.run("/bin/pwd").out == "/root\n"


@test(needs="root")
def options_of_binds_hold_for_the_tree_or_the_top_as_asked(tmp):
    source = tmp / "source"
    (source / "inner").mkdir(parents=True)
    bundle = Bundle(tmp / "b")
    bundle.bind(source, "/plain")
    bundle.bind(source, "/ro", "ro", "nosuid", "nodev", "noexec", "noatime")
    bundle.bind(source, "/rro", "rro", "rnosuid")
    done = bundle.shell("cat /proc/self/mountinfo; touch /plain/a; touch /ro/b; touch /rro/c")
    table = {line.split()[4]: line.split()[5] for line in done.lines}
    assert table["/plain"].startswith("rw")
    for word in ("ro", "nosuid", "nodev", "noexec", "noatime"):
        assert word in table["/ro"].split(","), table
    assert "ro" in table["/rro"].split(",") and "nosuid" in table["/rro"].split(",")
    assert os.listdir(source) and "a" in os.listdir(source) and "b" not in os.listdir(source)


@test(needs="root")
def a_read_only_root_keeps_its_mount_points(tmp):
    bundle = Bundle(tmp)
    bundle.config["root"]["readonly"] = True
    bundle.mount("/made", type="tmpfs", source="tmpfs", options=["mode=1777"])
    done = bundle.shell("touch /x; touch /made/y && echo fine")
    assert done.out == "fine\n" and "Read-only file system" in done.err, done


@test(needs="root")
def tmpcopyup_copies_what_the_tmpfs_covers(tmp):
    bundle = Bundle(tmp)
    var = bundle.root / "var"
    (var / "deep" / "er").mkdir(parents=True)
    (var / "deep" / "er" / "file").write_text("x" * 20000)
    os.chown(var / "deep" / "er" / "file", 12, 34)
    os.chmod(var / "deep" / "er" / "file", 0o4751)
    (var / "link").symlink_to("/nowhere")
    os.mkfifo(var / "fifo")
    os.chmod(var, 0o711)
    bundle.mount("/var", type="tmpfs", source="tmpfs", options=["tmpcopyup", "nosuid"])
    done = bundle.shell("stat -c '%n %u %g %a %s' /var /var/deep/er/file; readlink /var/link; ls /var; touch /var/new")
    assert done.lines[1] == "/var/deep/er/file 12 34 4751 20000", done
    assert done.lines[0].split()[:4] == ["/var", "0", "0", "711"], done
    assert done.lines[2:] == ["/nowhere", "deep", "link"], done
    assert not (var / "new").exists()


@test(needs="root")
def devices_are_those_that_were_asked_for(tmp):
    bundle = Bundle(tmp)
    bundle.linux["devices"] = [
        {"path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200, "fileMode": 0o640, "uid": 5, "gid": 6},
        {"path": "/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o600},
        {"path": "/srv/pipe", "type": "p"}]
    done = bundle.shell("stat -c '%n %F %t:%T %a %u:%g' /dev/null /dev/zero /dev/net/tun /srv/pipe /dev/tty; for l in ptmx fd stderr; do readlink "
                        "/dev/$l; done; head -c 3 /dev/zero | wc -c; echo x >/dev/null; echo y >/dev/full")
    assert done.lines[:5] == [
        "/dev/null character special file 1:3 666 0:0", "/dev/zero character special file 1:5 600 0:0",
        "/dev/net/tun character special file a:c8 640 5:6", "/srv/pipe fifo 0:0 666 0:0",
        "/dev/tty character special file 5:0 666 0:0"], done
    assert done.lines[5:] == ["pts/ptmx", "/proc/self/fd", "/proc/self/fd/2", "3"], done
    assert "No space left" in done.err
    bundle.linux["devices"] = [{"path": "/srv/pipe", "type": "c", "major": 1, "minor": 3}]
    done = bundle.run("/bin/true")
    assert done.status == 125 and "/srv/pipe" in done.err, done


@test(needs="root")
def a_false_null_device_masks_nothing(tmp):
    bundle = Bundle(tmp)
    for destination in ("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"):
        bundle.without_mount(destination)
    (bundle.root / "dev").mkdir()
    (bundle.root / "dev" / "null").symlink_to("/proc/sys/kernel/core_pattern")
    done = bundle.run("/bin/true")
    assert done.status == 125 and "/dev/null" in done.err, done


@test(needs="root")
def masked_paths_show_nothing(tmp):
    bundle = Bundle(tmp)
    bundle.linux["maskedPaths"] += ["/etc/passwd", "/root", "/no/such", "/etc/passwd/x"]
    (bundle.root / "root" / "secret").write_text("x")
    bundle.linux["readonlyPaths"] += ["/tmp", "/no/such"]
    done = bundle.shell("cat /etc/passwd /proc/keys /proc/timer_list; ls -A /root /sys/firmware; touch /root/x; touch /tmp/x; "
                        "echo 1 > /proc/sys/kernel/panic")
    assert done.out == "/root:\n\n/sys/firmware:\n", done
    assert done.err.count("Read-only file system") == 3, done


@test(needs="root")
def sysctls_are_set_in_the_containers_namespaces_only(tmp):
    bundle = Bundle(tmp)
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "1234", "net/ipv4/conf/lo/forwarding": "1"}
    host = open("/proc/sys/kernel/shmmni").read()
    done = bundle.run("/bin/cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/shmmni")
    assert done.out == "1\n1234\n", done
    assert open("/proc/sys/kernel/shmmni").read() == host
    bundle.linux["sysctl"] = {"net.ipv4.no_such": "1"}
    done = bundle.run("/bin/true")
    assert done.status == 125 and "net.ipv4.no_such" in done.err, done


@test(needs="root")
def a_root_may_be_an_overlay_of_many_layers(tmp):
    bundle = Bundle(tmp / "b")
    lowers = []
    for number in range(120):
        layer = tmp / f"layer{number}"
        layer.mkdir()
        (layer / f"file{number}").write_text(str(number))
        lowers.append(str(layer))
    (tmp / "upper").mkdir()
    (tmp / "work").mkdir()
    before = host_mounts()
    done = bundle.shell("cat /file0 /file60 /file119; touch /written; ls -a / | wc -l",
                        options=["--overlay", ":".join(lowers + [str(bundle.root)]), "--upper", str(tmp / "upper"),
                                 "--work", str(tmp / "work"), "--volatile"])
    assert done.out.startswith("060119"), done
    assert (tmp / "upper" / "written").exists() and not (bundle.root / "written").exists()
    assert host_mounts() == before


@test(needs="root")
def propagation_is_as_asked(tmp):
    source = tmp / "source"
    source.mkdir()
    bundle = Bundle(tmp / "b")
    bundle.linux["rootfsPropagation"] = "rslave"
    bundle.bind(source, "/private")
    bundle.bind(source, "/shared", "rshared")
    done = bundle.shell("grep -E ' /(private|shared) ' /proc/self/mountinfo")
    lines = {l.split()[4]: l for l in done.lines}
    assert "shared:" not in lines["/private"] and "master:" not in lines["/private"]
    bundle.linux["rootfsPropagation"] = "rshared"
    done = bundle.shell("grep ' / / ' /proc/self/mountinfo || cat /proc/self/mountinfo")
    assert any("shared:" in line for line in done.lines), done


main()
