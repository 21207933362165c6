"""What a task's process is given: identity, limits, descriptors, signals, exit codes (SECURITY-CASES 1-3, 23-26)."""

import os
import pathlib
import signal
import subprocess
import time

from nautest import main, test
from nautest.runtime import Bundle, harness


def status_of(done):
    return dict(line.split(":", 1) for line in done.lines if ":" in line)


def ignored_signals(bundle, **more):
    return bundle.run("/bin/cat", "/proc/self/status", **more)


@test(needs="root")
def capabilities_are_those_of_the_spec_and_none_is_inherited(tmp):
    bundle = Bundle(tmp)
    for uid in (0, 1000):
        bundle.process["user"] = {"uid": uid, "gid": uid}
        status = status_of(bundle.run("/bin/cat", "/proc/self/status"))
        assert int(status["CapInh"], 16) == 0 and int(status["CapAmb"], 16) == 0, status
        assert int(status["CapBnd"], 16) == 0x800405FB & 0x800405FB
        if uid:
            # Not to be had by a user without ambient capabilities: exec clears them.
            assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0
        assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
    caps = ["CAP_NET_BIND_SERVICE"]
    bundle.process["capabilities"] = {k: caps for k in ("bounding", "effective", "permitted", "inheritable", "ambient")}
    status = status_of(bundle.run("/bin/cat", "/proc/self/status"))
    assert {int(status[k], 16) for k in ("CapInh", "CapAmb", "CapEff", "CapPrm", "CapBnd")} == {1 << 10}, status
    del bundle.process["capabilities"]
    status = status_of(bundle.run("/bin/cat", "/proc/self/status"))
    assert {int(status[k], 16) for k in ("CapInh", "CapAmb", "CapEff", "CapPrm", "CapBnd")} == {0}, status


@test(needs="root")
def seccomp_is_loaded_without_no_new_privileges_too(tmp):
    bundle = Bundle(tmp)
    bundle.process["noNewPrivileges"] = False
    status = status_of(bundle.run("/bin/cat", "/proc/self/status"))
    assert status["NoNewPrivs"].strip() == "0" and status["Seccomp"].strip() == "2"
    del bundle.config["annotations"]
    assert status_of(bundle.run("/bin/cat", "/proc/self/status"))["Seccomp"].strip() == "0"
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                               "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
    done = bundle.run("/bin/mkdir", "/tmp/x")
    assert done.status == 1 and "No space left on device" in done.err, done


@test(needs="root")
def user_groups_umask_directory_and_environment(tmp):
    bundle = Bundle(tmp)
    bundle.process.update(user={"uid": 12, "gid": 34, "additionalGids": [34, 56, 78], "umask": 0o27},
                          env=["A=1", "B=two words", "PATH=/bin"], cwd="/tmp")
    report = bundle.probe()
    assert (report["ids"]["uid"], report["ids"]["gid"]) == (12, 34), report["ids"]
    assert sorted(report["groups"]) == [34, 56, 78], report
    assert report["cwd"] == "/tmp"
    done = bundle.shell("umask; env")
    assert done.lines[0] == "0027" and "B=two words" in done.lines, done


@test(needs="root")
def descriptors_are_exactly_those_that_were_given(tmp):
    bundle = Bundle(tmp)
    for preserved in (0, 1, 5):
        done = bundle.run("/bin/ls", "/proc/self/fd", options=["--preserve", str(preserved)])
        # ls itself opens one
        assert done.lines == [str(n) for n in range(3 + preserved + 1)], done
    done = bundle.run("/bin/sleep", "5", options=["--preserve", "2"], execute=["/bin/ls", "/proc/self/fd"])
    assert done.lines == [str(n) for n in range(6)], done


@test(needs="root")
def signals_are_neither_blocked_nor_ignored(tmp):
    bundle = Bundle(tmp)
    arguments = bundle.command("/bin/cat", "/proc/self/status")

    def ignore():
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})

    out = subprocess.run(arguments, stdout=subprocess.PIPE, preexec_fn=ignore, text=True, check=True).stdout
    status = dict(line.split(":", 1) for line in out.splitlines())
    assert int(status["SigBlk"], 16) == 0 and int(status["SigIgn"], 16) == 0, out


@test(needs="root")
def limits_are_set_and_lowered_where_they_cannot_be_raised(tmp):
    bundle = Bundle(tmp)
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 123, "hard": 456},
                                 {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    done = bundle.run("/bin/cat", "/proc/self/limits")
    assert ["Max", "open", "files", "123", "456", "files"] in [line.split() for line in done.lines], done
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 2 ** 40, "hard": 2 ** 40}]
    done = bundle.run("/bin/true")
    assert done.status == 0 and "RLIMIT_NOFILE is lowered" in done.err or "set RLIMIT_NOFILE" in done.err, done


@test(needs="root")
def oom_score_adj_is_set(tmp):
    bundle = Bundle(tmp)
    bundle.process["oomScoreAdj"] = 321
    assert bundle.run("/bin/cat", "/proc/self/oom_score_adj").out == "321\n"
    bundle.without_mount("/proc")
    bundle.config["linux"]["maskedPaths"] = bundle.config["linux"]["readonlyPaths"] = []
    assert bundle.run("/bin/true").status == 0
    done = bundle.run("/bin/sleep", "5", execute=["/bin/true"])
    assert done.status == 0, done


@test(needs="root")
def exit_codes_and_texts_of_commands_that_cannot_start(tmp):
    bundle = Bundle(tmp)
    root = bundle.root
    (root / "bin" / "plain").write_text("no program\n")
    (root / "bin" / "garbage").write_text("no program\n")
    os.chmod(root / "bin" / "garbage", 0o755)
    (root / "bin" / "orphan").write_text("#!/no/interpreter\n")
    os.chmod(root / "bin" / "orphan", 0o755)
    (root / "bin" / "folder").mkdir()
    for command, status, text in (
            ("/no/such", 127, "exec /no/such: No such file or directory"),
            ("no-such", 127, "find no-such in PATH: No such file or directory"),
            ("/bin/sh/x", 127, "exec /bin/sh/x: Not a directory"),
            ("/bin/plain", 126, "exec /bin/plain: Permission denied"),
            ("plain", 126, "find plain in PATH: Permission denied"),
            ("/bin/folder", 126, "exec /bin/folder: Permission denied"),
            ("/bin/garbage", 126, "exec /bin/garbage: Exec format error"),
            ("orphan", 127, "exec orphan (the interpreter it names does not exist): No such file or directory")):
        for options in ([], ["--init"]):
            done = bundle.run(command, options=options)
            assert done.status == status and done.err.startswith(f"Error: {text}"), (command, done)
        bundle.process["args"] = ["/bin/sleep", "5"]
        done = bundle.run(execute=[command])
        assert done.status == status and f"Error: {text}" in done.err, (command, done)


@test(needs="root")
def statuses_are_the_commands_own(tmp):
    bundle = Bundle(tmp)
    for options in ([], ["--init"]):
        assert bundle.shell("exit 42", options=options).status == 42
        assert bundle.shell("exit 0", options=options).status == 0
        assert bundle.shell("kill -9 $$; sleep 5" if options else "(sleep 0.1); exit 137", options=options).status == 137


@test(needs="root")
def the_reaper_passes_signals_on_reaps_orphans_and_shows_nothing_of_nau(tmp):
    bundle = Bundle(tmp)
    done = bundle.shell("cat /proc/1/cmdline | head -c 8; echo; ls /proc/1/fd | wc -l; readlink /proc/1/exe; ls -l /proc/1/exe; "
                        "(sleep 0.05 &) ; sleep 0.3; ps | grep -c '\\[sleep\\]'; cat /proc/1/status | grep -E 'CapEff|Seccomp:'",
                        options=["--init"])
    assert done.lines[0] == "nau-init" and done.lines[1] == "0", done
    assert done.lines[-3] == "0" and done.lines[-1].split()[1] == "2", done
    arguments = bundle.command("/bin/sh", "-c", "trap 'echo got; exit 7' TERM; echo ready; while :; do sleep 0.05; done")
    process = subprocess.Popen(arguments + ["--init"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    init = child_of(process.pid)
    os.kill(init, signal.SIGTERM)
    assert process.stdout.readline() == "got\n" and process.wait() == 7


def child_of(pid):
    for _ in range(200):
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.01)
    raise AssertionError("no child")


@test(needs="root")
def a_terminal_is_the_containers_own(tmp):
    bundle = Bundle(tmp)
    bundle.process["terminal"] = True
    bundle.process["consoleSize"] = {"height": 33, "width": 99}
    bundle.process["user"] = {"uid": 7, "gid": 7}
    script = "tty; stty size; stat -c '%u:%g %a %t:%T' /dev/console /dev/pts/0; echo hi >/dev/tty; ls /proc/self/fd; cat /proc/self/stat"
    for options in ([], ["--init"]):
        done = bundle.shell(script, options=options)
        lines = done.out.replace("\r", "").splitlines()
        assert lines[:5] == ["/dev/pts/0", "33 99", "7:5 620 88:0", "7:5 620 88:0", "hi"], done
        stat = lines[-1].rpartition(")")[2].split()
        assert stat[3] == stat[4 - 1] and int(stat[4]) != 0, done
    for destination in ("/dev/pts",):
        bundle.without_mount(destination)
    done = bundle.shell("true")
    assert done.status == 125 and "/dev/pts" in done.err, done


@test(needs="root")
def create_and_start_can_be_two_steps(tmp):
    bundle = Bundle(tmp / "b")
    fifo = tmp / "fifo"
    os.mkfifo(fifo)
    process = subprocess.Popen(bundle.command("/bin/echo", "started") + ["--fifo", str(fifo)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline() == "created\n"
    assert process.poll() is None
    fifo.write_text("x")
    assert process.stdout.read() == "started\n" and process.wait() == 0
    done = bundle.run("/no/such", options=["--fifo", str(fifo)])
    assert done.status == 127 and "created" not in done.err, done


@test(needs="root")
def the_binary_of_nau_cannot_be_written_to_from_inside(tmp):
    bundle = Bundle(tmp)
    before = os.stat(harness())
    bundle.config["linux"]["namespaces"] = [n for n in bundle.linux["namespaces"] if n["type"] != "pid"]
    (bundle.root / "bin" / "self").write_text("#!/proc/self/exe\n")
    os.chmod(bundle.root / "bin" / "self", 0o755)
    bundle.run("/bin/self")
    after = os.stat(harness())
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)


@test(needs="root")
def namespaces_are_new_and_the_loopback_device_is_up(tmp):
    bundle = Bundle(tmp)
    names = ("mnt", "pid", "ipc", "uts", "net", "cgroup")
    done = bundle.shell("for n in mnt pid ipc uts net cgroup; do readlink /proc/self/ns/$n; done; hostname; ip a; cat /proc/self/cgroup")
    inside = dict(zip(names, done.lines))
    for name in names:
        assert inside[name] != os.readlink(f"/proc/self/ns/{name}"), name
    assert done.lines[6] == "box"
    assert "<LOOPBACK,UP" in done.out and "127.0.0.1/8" in done.out
    assert "nau" not in done.out.split("valid_lft")[-1]
    bundle.linux["namespaces"] = [{"type": "mount"}, {"type": "uts", "path": f"/proc/{os.getpid()}/ns/uts"}]
    bundle.config["hostname"] = ""
    bundle.linux["sysctl"] = {}
    done = bundle.shell("readlink /proc/self/ns/uts; readlink /proc/self/ns/net")
    assert done.lines == [os.readlink("/proc/self/ns/uts"), os.readlink("/proc/self/ns/net")], done


@test(needs="root")
def a_user_namespace_maps_ids_and_gets_its_devices_bound(tmp):
    bundle = Bundle(tmp)
    bundle.linux["namespaces"].append({"type": "user"})
    maps = [{"containerID": 0, "hostID": 300000, "size": 65536}]
    bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = maps
    for path in [bundle.root, *bundle.root.rglob("*")]:
        os.chown(path, 300000, 300000, follow_symlinks=False)
    for parent in (tmp, tmp.parent):
        os.chmod(parent, 0o755)
    done = bundle.shell("id -u; cat /proc/self/uid_map; echo x >/dev/null; head -c 2 /dev/zero | wc -c; stat -c %t:%T /dev/null; "
                        "touch /tmp/mine; cat /proc/self/setgroups; readlink /proc/self/ns/user")
    assert done.lines[0] == "0" and done.lines[1].split() == ["0", "300000", "65536"], done
    assert done.lines[2:4] == ["2", "1:3"], done
    assert os.stat(bundle.root / "tmp" / "mine").st_uid == 300000
    done = bundle.run("/bin/sleep", "5", execute=["/bin/cat", "/proc/self/uid_map", "/proc/self/status"])
    assert done.lines[0].split() == ["0", "300000", "65536"], done
    assert done.status == 0


@test(needs="root")
def a_time_namespace_has_its_offsets(tmp):
    bundle = Bundle(tmp)
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = {"boottime": {"secs": 1000000}}
    inside = float(bundle.run("/bin/cat", "/proc/uptime").out.split()[0])
    outside = float(pathlib.Path("/proc/uptime").read_text().split()[0])
    assert 999990 < inside - outside < 1000010
    assert os.readlink("/proc/self/ns/time") == os.readlink("/proc/self/ns/time_for_children")


main()
