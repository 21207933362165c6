"""/etc/passwd and group, systemd's layout, another init, and devices of vendors."""

import json
import os
import pathlib

from nautest import main, skip, test

PASSWD = "root:x:0:0:root:/root:/bin/sh\nann:x:1001:1002:Ann:/home/ann:/bin/sh\n"


def image_with_users(nau, tmp):
    """The named image with accounts of its own above it."""
    nau("create", "--name", "base", nau.image(), "true")
    (tmp / "passwd").write_text(PASSWD)
    (tmp / "group").write_text("root:x:0:\nstaff:x:50:ann\n")
    nau("cp", str(tmp / "passwd"), "base:/etc/passwd")
    nau("cp", str(tmp / "group"), "base:/etc/group")
    nau("commit", "-q", "base", "users:1")
    nau("rm", "base")
    return "users:1"


@test
def a_number_that_the_image_does_not_know_gets_an_entry(nau, tmp):
    image = image_with_users(nau, tmp)
    cat = ["sh", "-c", "tail -n 1 /etc/passwd; tail -n 1 /etc/group"]
    assert nau("run", "--rm", "-u", "1234", image, *cat).out == "1234:*:1234:0:container user:/:/bin/sh\n1234:x:1234:1234\n"
    assert nau("run", "--rm", "-u", "1234:77", "-w", "/tmp", image, *cat).out == \
        "1234:*:1234:77:container user:/tmp:/bin/sh\n77:x:77:1234\n"
    assert nau("run", "--rm", "-u", "1234", image, "whoami").out == "1234\n"
    for user in ("ann", "1001:50", "0", "root"):
        assert nau("run", "--rm", "-u", user, image, "tail", "-n", "1", "/etc/passwd").out == PASSWD.splitlines(True)[1]
    assert nau("run", "--rm", "-u", "1001", image, "tail", "-n", "1", "/etc/group").out == "1001:x:1001:1001\n"
    assert nau("run", "--rm", "--passwd=false", "-u", "1234", image, *cat).out.count("1234") == 0


@test
def the_entries_are_as_asked_for_and_nobody_commits_them(nau, tmp):
    image = image_with_users(nau, tmp)
    assert nau("run", "--name", "c", "-u", "1234:77", "-w", "/tmp", "--passwd-entry", "me-$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/x",
               "--group-entry", "g$GROUPNAME:x:$GID:$USERLIST", image, "sh", "-c",
               "tail -n 1 /etc/passwd; tail -n 1 /etc/group").out == "me-1234:*:1234:77:1234:/tmp:/bin/x\ng77:x:77:1234\n"
    assert not [line for line in nau("diff", "c").lines if "passwd" in line or "group" in line]
    nau("commit", "-q", "c", "after:1")
    assert nau("run", "--rm", "-u", "0", "after:1", "cat", "/etc/passwd").out == PASSWD
    assert nau("start", "-a", "c").out.startswith("me-1234"), "each start writes them"
    nau.fails(125, "run", "--rm", "-u", "1234", "--passwd-entry", "a\nb", image, "true", error="one line")


@test
def users_of_the_host_are_added_by_name_or_number(nau, tmp):
    image = image_with_users(nau, tmp)
    own = [line.split(":") for line in open("/etc/passwd") if line.startswith("daemon:")]
    if not own:
        skip("the host has no user daemon")
    _, _, uid, gid, comment, home, _ = own[0]
    line = f"daemon:*:{uid}:{gid}:{comment}:{home}:/bin/sh\n"
    assert nau("run", "--rm", "--hostuser", "daemon", image, "cat", "/etc/passwd").out == PASSWD + line
    assert nau("run", "--rm", "--hostuser", uid, "-u", uid, image, "sh", "-c", "cat /etc/passwd; id -un").out == PASSWD + line + "daemon\n"
    nau.fails(125, "run", "--rm", "--hostuser", "nosuchuser", image, "true", error="host has no user 'nosuchuser'")


@test(needs=["root", "mount"])
def systemd_gets_what_it_expects(nau):
    image = nau.image()
    show = ("for d in /run /run/lock /tmp /var/log/journal; do grep -c \" $d tmpfs \" /proc/mounts; done; "
            "grep ' /sys/fs/cgroup' /proc/mounts | head -1 | grep -o ' rw,'")
    assert nau("run", "--rm", "--systemd", "always", image, "sh", "-c", show).out.split() == ["1", "1", "1", "1", "rw,"]
    assert nau("run", "--rm", image, "sh", "-c", show, status=None).out.split()[:4] == ["0", "0", "0", "0"]
    nau("create", "--name", "by-name", image, "/sbin/init")
    nau("create", "--name", "path", image, "/usr/lib/systemd/systemd")
    nau("create", "--name", "off", "--systemd", "false", image, "/sbin/init")
    nau("create", "--name", "own", "--stop-signal", "TERM", image, "/sbin/init")
    signals = {n: nau("inspect", "--format", "{{.Config.StopSignal}}", n).word for n in ("by-name", "path", "off", "own")}
    assert signals == {"by-name": "SIGRTMIN+3", "path": "SIGRTMIN+3", "off": "SIGTERM", "own": "SIGTERM"}, signals
    assert nau("run", "--rm", "--systemd=always", "--shm-size-systemd", "1m", image, "sh", "-c",
               "grep ' /run/lock ' /proc/mounts").out.count("size=1024k") == 1
    assert nau("run", "--rm", "--systemd=always", "-v", "/usr:/run", image, "sh", "-c",
               "grep -c ' /run tmpfs ' /proc/mounts", status=1).out == "0\n", "a mount of the user's stays"
    nau.fails(125, "run", "--systemd", "maybe", image, "true", error="maybe")


@test(needs=["root", "mount"])
def an_init_of_the_host_is_process_1(nau, tmp):
    image = nau.image()
    init = tmp / "init"
    init.write_text('#!/bin/sh\necho init $$ "$@"\nshift\nexec "$@"\n')
    init.chmod(0o755)
    words = ("--init", "--init-path", init)
    assert nau("run", "--rm", *words, image, "sh", "-c", "exit 3", status=3).out == "init 1 -- sh -c exit 3\n"
    nau("create", "--name", "c", *words, image, "sleep", "7")
    spec_args = nau.inspect("c")
    assert spec_args["Path"] == "sleep" and spec_args["Args"] == ["7"]
    nau.fails(125, "run", "--rm", "--init", "--init-path", "/no/such", image, "true", error="/no/such")


class Spec:
    """A file of /etc/cdi for the time of a test."""

    def __init__(self, directory, name, text):
        self.directory = pathlib.Path(directory)
        self.path = self.directory / f"nau-test-{os.getpid()}-{name}.json"
        self.text = text
        self.made = []

    def __enter__(self):
        for parent in [self.directory, *self.directory.parents]:
            if not parent.exists():
                self.made.append(parent)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.text if isinstance(self.text, str) else json.dumps(self.text))

    def __exit__(self, *_):
        self.path.unlink()
        for directory in self.made:
            try:
                directory.rmdir()
            except OSError:
                pass


@test(needs=["root", "mount"])
def a_device_of_a_vendor_brings_nodes_mounts_and_variables(nau, tmp):
    image = nau.image()
    kind = f"test{os.getpid()}.example/thing"
    (tmp / "lib").write_text("library\n")
    spec = {"cdiVersion": "0.6.0", "kind": kind,
            "containerEdits": {"env": ["ALL=1"]},
            "devices": [
                {"name": "one", "containerEdits": {
                    "env": ["THING=one"],
                    "deviceNodes": [{"path": "/dev/thing-one", "hostPath": "/dev/null"}],
                    "mounts": [{"hostPath": str(tmp / "lib"), "containerPath": "/opt/lib", "options": ["ro", "bind"]}],
                    "additionalGids": [4321]}},
                {"name": "two", "containerEdits": {"env": ["SECOND=two"]}}]}
    with Spec("/etc/cdi", "a", spec):
        look = "echo $ALL $THING $SECOND; ls -l /dev/thing-one | cut -c1; echo x > /dev/thing-one; cat /opt/lib; id -G"
        out = nau("run", "--rm", "--device", f"{kind}=one", "--device", f"{kind}=two", image, "sh", "-c", look).out
        assert out.split("\n")[:3] == ["1 one two", "c", "library"] and "4321" in out.split("\n")[3], out
        nau.fails(125, "run", "--rm", "--device", f"{kind}=three", image, "true", error="no CDI device.*=three")
        later = dict(spec, devices=[{"name": "two", "containerEdits": {"env": ["SECOND=later"]}}])
        with Spec("/var/run/cdi", "b", later):
            assert nau("run", "--rm", "--device", f"{kind}=two", image, "sh", "-c", "echo $SECOND").out == "later\n"
        with Spec("/etc/cdi", "b", later):
            nau.fails(125, "run", "--rm", "--device", f"{kind}=two", image, "true", error="described by both")
    with Spec("/etc/cdi", "gpu", {"cdiVersion": "0.6.0", "kind": "nvidia.com/gpu", "devices": [
            {"name": n, "containerEdits": {"env": [f"GPU_{n}=1"]}} for n in ("all", "0", "1")]}):
        assert nau("run", "--rm", "--gpus", "all", image, "sh", "-c", "echo $GPU_all").out == "1\n"
        assert nau("run", "--rm", "--gpus", "2", image, "sh", "-c", "echo $GPU_0$GPU_1").out == "11\n"
        assert nau("run", "--rm", "--gpus", "device=1", image, "sh", "-c", "echo [$GPU_0]$GPU_1").out == "[]1\n"
        nau.fails(125, "run", "--rm", "--gpus", "9", image, "true", error="nvidia.com/gpu=2")
    nau.fails(125, "run", "--rm", "--gpus", "a/b", image, "true", error="--gpus")


main()
