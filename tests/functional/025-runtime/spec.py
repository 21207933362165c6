"""Members of the runtime specification beyond the everyday ones: hooks, id maps, devices, listeners, namespaces by path."""

import array
import json
import os
import shutil
import socket
import subprocess
import threading
import time

from nautest import main, skip, test
from nautest.runtime import Bundle, host_mounts


def hook(tmp, name, script, **more):
    path = tmp / name
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return {"path": str(path), **more}


@test(needs="root")
def hooks_run_in_their_order_and_namespaces_with_the_state_on_stdin(tmp):
    bundle = Bundle(tmp / "b")
    log = tmp / "log"
    say = f'echo "$0 $1 $A $(readlink /proc/self/ns/mnt) $(cat)" >> {log}\n'
    hooks = {kind: [hook(tmp, f"{kind}{i}", say, args=[f"{kind}{i}", "arg"], env=["A=1", "PATH=/bin:/usr/bin"]) for i in (0, 1)]
             for kind in ("prestart", "createRuntime", "createContainer")}
    (bundle.root / "bin" / "inside").write_text("#!/bin/sh\ncat > /tmp/state\npwd >> /tmp/state\n")
    (bundle.root / "bin" / "inside").chmod(0o755)
    hooks["startContainer"] = [{"path": "/bin/inside", "env": ["PATH=/bin"]}]
    bundle.config["hooks"] = hooks
    bundle.config["annotations"]["some.thing"] = "kept"
    bundle.bind(tmp, "/mnt")
    done = bundle.shell("cat /tmp/state; echo command")
    assert done.status == 0, done
    lines = [line.split(" ", 4) for line in log.read_text().splitlines()]
    assert [line[0].rpartition("/")[2] for line in lines] == [f"{k}{i}" for k in ("prestart", "createRuntime", "createContainer")
                                                              for i in (0, 1)], lines
    own = os.readlink("/proc/self/ns/mnt")
    assert [line[3] == own for line in lines] == [True] * 4 + [False] * 2
    for line in lines:
        state = json.loads(line[4])
        assert line[1:3] == ["arg", "1"] and state["status"] == "creating" and state["id"] == "harness", line
        assert state["pid"] > 1 and state["bundle"] == str(bundle.path) and state["annotations"]["some.thing"] == "kept"
    assert json.loads(done.lines[0].partition("}/")[0] + ("}" if "}/" in done.lines[0] else ""))["status"] == "created", done
    assert done.lines[-1] == "command", done


@test(needs="root")
def createcontainer_hooks_see_the_containers_mounts_below_the_root_of_the_spec(tmp):
    bundle = Bundle(tmp / "b")
    bundle.config["hooks"] = {"createContainer": [hook(
        tmp, "h", f"test -e {bundle.root}/dev/null || exit 3; mount --bind {tmp}/extra {bundle.root}/tmp\n",
        env=["PATH=/bin:/usr/bin:/sbin"])]}
    (tmp / "extra").mkdir()
    (tmp / "extra" / "file").write_text("from the hook\n")
    before = host_mounts()
    done = bundle.run("/bin/cat", "/tmp/file")
    assert done.out == "from the hook\n", done
    assert host_mounts() == before and not (bundle.root / "tmp" / "file").exists()


@test(needs="root")
def a_hook_that_fails_or_hangs_is_named_and_nothing_is_left(tmp):
    for kind in ("prestart", "createRuntime", "createContainer"):
        bundle = Bundle(tmp / kind)
        bundle.config["hooks"] = {kind: [hook(tmp, "bad", "cat >/dev/null; echo because >&2; exit 7\n")]}
        done = bundle.run("/bin/true")
        assert done.status == 125 and f"hooks: {kind}[0]" in done.err and "status 7" in done.err and "because" in done.err, done
        bundle.config["hooks"] = {kind: [hook(tmp, "slow", "exec sleep 100\n", timeout=1, env=["PATH=/bin"])]}
        done = bundle.run("/bin/true")
        assert done.status == 125 and f"hooks: {kind}[0]" in done.err and "killed" in done.err, done
        bundle.config["hooks"] = {kind: [{"path": "/no/such/hook"}]}
        done = bundle.run("/bin/true")
        assert done.status == 125 and "No such file" in done.err and f"hooks: {kind}[0]" in done.err, done


@test(needs="root")
def a_startcontainer_hook_that_fails_stops_the_start(tmp):
    bundle = Bundle(tmp)
    bundle.config["hooks"] = {"startContainer": [{"path": "/bin/false"}]}
    done = bundle.run("/bin/echo", "never")
    assert done.status == 125 and done.out == "" and "hooks: startContainer[0]" in done.err, done


@test(needs="root")
def mounts_map_ids(tmp):
    bundle = Bundle(tmp / "b")
    source = tmp / "source"
    source.mkdir()
    (source / "file").write_text("")
    os.chown(source / "file", 1000, 2000)
    maps = {"uidMappings": [{"containerID": 1000, "hostID": 5, "size": 1}], "gidMappings": [{"containerID": 2000, "hostID": 6, "size": 1}]}
    bundle.mount("/mnt", type="bind", source=str(source), options=["rbind"], **maps)
    done = bundle.run("/bin/stat", "-c", "%u:%g", "/mnt/file")
    if "map the ids" in done.err:
        skip("this file system does not map ids")
    assert done.out == "5:6\n", done
    assert os.stat(source / "file").st_uid == 1000


@test(needs="root")
def remount_changes_the_flags_of_an_earlier_mount(tmp):
    bundle = Bundle(tmp / "b")
    bundle.bind(tmp, "/mnt")
    bundle.mount("/mnt", type="bind", source=str(tmp), options=["bind", "remount", "ro"])
    done = bundle.run("/bin/touch", "/mnt/x")
    assert done.status == 1 and "Read-only" in done.err, done
    bundle.mount("/nowhere", type="bind", source=str(tmp), options=["bind", "remount", "ro"])
    done = bundle.run("/bin/true")
    assert done.status == 125 and "mounts[" in done.err and "/nowhere" in done.err, done


@test(needs="root")
def network_devices_move_in_with_their_addresses(tmp):
    if not shutil.which("ip"):
        skip("needs the program ip (iproute2)")
    name = f"nau{os.getpid()}"[:15]
    if subprocess.run(["ip", "link", "add", name, "type", "dummy"], capture_output=True).returncode != 0:
        skip("needs dummy network devices")
    try:
        subprocess.run(["ip", "address", "add", "10.213.7.5/24", "dev", name], check=True)
        subprocess.run(["ip", "link", "set", name, "mtu", "1333"], check=True)
        bundle = Bundle(tmp)
        bundle.linux["netDevices"] = {name: {"name": "inner0"}, "no-such-dev": {}}
        done = bundle.run("/bin/true")
        assert done.status == 125 and "no-such-dev: there is no such device" in done.err, done
        assert subprocess.run(["ip", "link", "show", name], capture_output=True).returncode == 0
        del bundle.linux["netDevices"]["no-such-dev"]
        done = bundle.run("/bin/ip", "address", "show", "inner0")
        assert "10.213.7.5/24" in done.out and "mtu 1333" in done.out and ",UP" in done.out.replace("<UP", ",UP"), done
    finally:
        subprocess.run(["ip", "link", "delete", name], capture_output=True)


@test(needs="root")
def a_seccomp_agent_gets_the_listener_and_answers(tmp):
    bundle = Bundle(tmp / "b")
    del bundle.config["annotations"]
    path = tmp / "agent"
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": str(path), "listenerMetadata": "some words",
                               "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}
    done = bundle.run("/bin/mkdir", "/tmp/x")
    assert done.status == 125 and "listenerPath" in done.err, done
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    seen = []

    def agent():
        connection, _ = server.accept()
        message, control, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
        fds = array.array("i")
        fds.frombytes(control[0][2][:4])
        seen.append(json.loads(message))
        os.close(fds[0])  # nobody answers: the call fails

    thread = threading.Thread(target=agent)
    thread.start()
    done = bundle.run("/bin/mkdir", "/tmp/x")
    thread.join()
    server.close()
    assert done.status == 1 and "Function not implemented" in done.err, done
    assert seen[0]["fds"] == ["seccompFd"] and seen[0]["metadata"] == "some words", seen
    assert seen[0]["state"]["status"] == "creating" and seen[0]["pid"] == seen[0]["state"]["pid"], seen


@test(needs="root")
def namespaces_are_joined_by_path_and_a_wrong_one_is_refused(tmp):
    bundle = Bundle(tmp)
    first = subprocess.Popen(["unshare", "--user", "--map-root-user", "--uts", "--ipc", "--net", "sleep", "60"])
    try:
        deadline = time.monotonic() + 10
        while os.readlink(f"/proc/{first.pid}/ns/net") == os.readlink("/proc/self/ns/net") and time.monotonic() < deadline:
            time.sleep(0.01)
        inside = {kind: f"/proc/{first.pid}/ns/{kind}" for kind in ("user", "uts", "ipc", "net")}
        bundle.linux["namespaces"] = [{"type": "mount"}, {"type": "pid"}, {"type": "uts", "path": inside["uts"]},
                                      {"type": "network", "path": inside["net"]}, {"type": "ipc", "path": inside["ipc"]}]
        bundle.linux["sysctl"] = {}
        bundle.config.pop("hostname", None)
        done = bundle.shell("readlink /proc/self/ns/net; readlink /proc/self/ns/uts")
        assert done.lines == [os.readlink(inside["net"]), os.readlink(inside["uts"])], done
        bundle.linux["namespaces"][3]["path"] = inside["uts"]
        done = bundle.run("/bin/true")
        assert done.status == 125 and "linux: namespaces[3]" in done.err, done
        bundle.linux["namespaces"][3]["path"] = str(tmp / "config.json")
        done = bundle.run("/bin/true")
        assert done.status == 125 and "linux: namespaces[3]" in done.err, done
        bundle.linux["namespaces"][0] = {"type": "mount", "path": "/proc/self/ns/mnt"}
        bundle.linux["namespaces"][3]["path"] = inside["net"]
        done = bundle.run("/bin/true")
        assert done.status == 125 and "the mount namespace of the host" in done.err, done
    finally:
        first.kill()
        first.wait()


@test(needs="root")
def what_this_kernel_lacks_is_said(tmp):
    bundle = Bundle(tmp)
    bundle.linux["intelRdt"] = {"closID": "x", "schemata": ["L3:0=f"]}
    if not os.path.exists("/sys/fs/resctrl/schemata"):
        done = bundle.run("/bin/true")
        assert done.status == 125 and "linux: intelRdt: no resctrl file system is mounted" in done.err, done
    del bundle.linux["intelRdt"]
    if not os.path.exists("/sys/kernel/security/apparmor"):
        bundle.process["apparmorProfile"] = "strict"
        done = bundle.run("/bin/true")
        assert done.status == 125 and "process: apparmorProfile: this kernel runs without AppArmor" in done.err, done


@test(needs="root", timeout=120)
def oversized_specs_are_handled_or_refused_whole(tmp):
    bundle = Bundle(tmp / "b")
    bundle.process["env"] = ["PATH=/bin"] + [f"V{i}={'x' * 1000}" for i in range(1000)]
    done = bundle.shell("env | wc -c")
    assert done.status == 0 and int(done.out) > 1_000_000, done
    bundle.process["env"] = ["PATH=/bin", "LONG=" + "x" * 200_000]  # beyond the kernel's limit of one string
    done = bundle.run("/bin/true")
    assert done.status == 126 and "Argument list too long" in done.err, done
    bundle.process["env"] = ["PATH=/bin"]
    for field, value in (("hostname", "h" * 70_000), ("domainname", "d" * 70_000)):
        bundle.config[field] = value
        done = bundle.run("/bin/true")
        assert done.status == 125 and f"{field}: is longer than 64 bytes" in done.err, done
        bundle.config[field] = "x"
    bundle.mount("/" + "m" * 70_000, type="tmpfs")
    done = bundle.run("/bin/true")
    assert done.status == 125 and "File name too long" in done.err, done.err[-300:]
    bundle.config["mounts"].pop()
    usual = list(bundle.config["mounts"])
    (tmp / "source").mkdir()
    for _ in range(3000):
        bundle.bind(tmp / "source", "/mnt")
    done = bundle.shell("ulimit -n; grep -c ' /mnt ' /proc/self/mountinfo", timeout=90)
    assert done.status == 0 and int(done.lines[1]) == 3000, done
    bundle.config["mounts"] = usual


main()
