"""Flags of run and create, each by what the process inside sees of it."""

import os
import pathlib
import subprocess

from nautest import main, skip, test


def run(nau, *options, command=("true",), **more):
    return nau("run", "--rm", *options, nau.image(), *command, **more).out


@test
def variables_are_merged_removed_and_passed_on(nau):
    env = {**os.environ, "http_proxy": "http://proxy:3128", "OWN": "mine"}
    assert run(nau, "--env-merge", "PATH=${PATH}:/opt/x", "--env-merge", "N=<$NONE>$", command=("sh", "-c", "echo $PATH $N")) \
        .endswith(":/opt/x <>$\n")
    lines = run(nau, "--unsetenv-all", "-e", "ONLY=1", command=("/bin/env",)).splitlines()
    assert "ONLY=1" in lines and not [l for l in lines if l.startswith(("HOSTNAME=", "container="))], lines
    assert "http_proxy=http://proxy:3128" in run(nau, command=("env",), env=env).splitlines()
    assert "proxy" not in run(nau, "--http-proxy=false", command=("env",), env=env)
    assert "OWN=mine" in run(nau, "--env-host", command=("env",), env=env).splitlines()


@test
def the_time_zone_is_the_hosts_file(nau):
    if not pathlib.Path("/usr/share/zoneinfo/Asia/Tokyo").exists():
        skip("needs tzdata")
    with open("/usr/share/zoneinfo/Asia/Tokyo", "rb") as f:
        wanted = f.read()
    assert run(nau, "--tz", "Asia/Tokyo", command=("sh", "-c", "wc -c < /etc/localtime")).split() == [str(len(wanted))]
    nau.fails(125, "run", "--rm", "--tz", "No/Where", nau.image(), "true", error="No/Where")
    nau.fails(125, "run", "--rm", "--tz", "../../etc/shadow", nau.image(), "true", error="tz|time zone")


@test
def a_timeout_kills(nau):
    nau("run", "--name", "slow", "--timeout", "1", nau.image(), "sleep", "1000", status=None)
    assert nau.inspect("slow")["State"]["ExitCode"] in (137, 143, 255)


@test
def pid_files_name_the_process_and_its_monitor(nau, tmp):
    nau("create", "--name", "c", "--pidfile", str(tmp / "pid"), "--conmon-pidfile", str(tmp / "monitor"),
        nau.image(), "sleep", "1000")
    assert not (tmp / "pid").exists()
    nau("start", "c")
    pid = nau.pid("c")
    assert int((tmp / "pid").read_text()) == pid
    parent = [l for l in open(f"/proc/{pid}/status") if l.startswith("PPid:")][0].split()[1]
    assert (tmp / "monitor").read_text().strip() == parent


@test
def open_files_are_passed_on(nau, tmp):
    (tmp / "in").write_text("from three\n")
    fd = os.open(tmp / "in", os.O_RDONLY)
    argv = nau.argv("run", "--rm", "--preserve-fds", "1", nau.image(), "sh", "-c", "cat <&3")
    os.dup2(fd, 3)
    got = subprocess.run(argv, pass_fds=(3,), capture_output=True, text=True)
    assert (got.returncode, got.stdout) == (0, "from three\n"), got
    nau("run", "-d", "--name", "x", nau.image(), "sleep", "1000")
    os.lseek(3, 0, os.SEEK_SET)
    argv = nau.argv("exec", "--preserve-fds", "1", "x", "sh", "-c", "cat <&3")
    got = subprocess.run(argv, pass_fds=(3,), capture_output=True, text=True)
    assert (got.returncode, got.stdout) == (0, "from three\n"), got
    nau.fails(125, "run", "--rm", "--preserve-fds", "40", nau.image(), "true", error="descriptor .* not open")


@test
def managed_files_can_be_left_alone(nau, tmp):
    (tmp / "hosts").write_text("10.1.2.3 fromfile\n")
    assert "10.1.2.3 fromfile" in run(nau, "--hosts-file", str(tmp / "hosts"), command=("cat", "/etc/hosts"))
    mounts = run(nau, "--no-hosts", "--no-hostname", command=("cat", "/proc/self/mountinfo"))
    assert " /etc/hosts " not in mounts and " /etc/hostname " not in mounts and " /etc/resolv.conf " in mounts
    nau.fails(125, "run", "--rm", "--no-hosts", "--add-host", "a:1.2.3.4", nau.image(), "true", error="contradict")
    mounts = run(nau, "--chrootdirs", "/jail", command=("cat", "/proc/self/mountinfo"))
    assert " /jail/etc/hosts " in mounts


@test
def volumes_of_another_container_appear(nau, tmp):
    image = nau.image()
    (tmp / "f").write_text("bound\n")
    nau("create", "--name", "source", "-v", "/anon", "-v", "vol:/vol", "-v", f"{tmp}:/bound:ro", image, "true")
    nau("run", "--rm", "--volumes-from", "source", image, "sh", "-c", "echo a > /anon/a; echo v > /vol/v")
    got = run(nau, "--volumes-from", "source:ro", command=("sh", "-c", "cat /anon/a /vol/v /bound/f; touch /vol/w 2>&1"), status=1)
    assert got.startswith("a\nv\nbound\n") and "Read-only" in got, got
    nau.fails(125, "run", "--rm", "--volumes-from", "nosuch", image, "true", error="nosuch")


@test
def required_containers_are_started_first(nau):
    image = nau.image()
    nau("create", "--name", "first", image, "sleep", "1000")
    nau("create", "--name", "second", "--requires", "first", image, "sleep", "1000")
    nau("run", "--rm", "--requires", "second", image, "true")
    assert [c["State"] for c in nau.json("ps", "-a")] == ["running", "running"]
    nau.fails(125, "create", "--requires", "nosuch", image, "true", error="nosuch")


@test
def rmi_takes_the_image_along(nau):
    image = nau.image()
    nau("run", "--rmi", image, "true")
    assert nau("images", "-q").lines == []
    image = nau.image()
    nau("create", "--name", "user", image, "true")
    nau("run", "--rmi", image, "true")
    assert len(nau("images", "-q").lines) == 1


@test(needs=["root"])
def devices_can_be_allowed_by_number(nau):
    script = "mknod /tmp/null c 1 11 && echo x > /tmp/null"
    nau("run", "--rm", "--cap-add", "MKNOD", nau.image(), "sh", "-c", script, status=1)
    nau("run", "--rm", "--cap-add", "MKNOD", "--device-cgroup-rule", "c 1:11 rwm", nau.image(), "sh", "-c", script)
    nau.fails(125, "run", "--rm", "--device-cgroup-rule", "x 1:1 r", nau.image(), "true", error="device-cgroup-rule")
    nau.fails(125, "run", "--rm", "--device-read-bps", "/dev/null:1mb", nau.image(), "true", error="no block device")
    nau.fails(125, "run", "--rm", "--blkio-weight", "5", nau.image(), "true", error="10 to 1000")


@test
def security_words_are_known_or_named(nau):
    assert "hidepid=invisible" in run(nau, "--security-opt", "proc-opts=hidepid=2", command=("cat", "/proc/mounts"))
    nau("run", "--rm", "--security-opt", "label=type:spc_t", "--security-opt", "systempaths=unconfined", nau.image(), "true")
    nau.fails(125, "run", "--rm", "--security-opt", "label=nonsense", nau.image(), "true", error="nonsense")
    nau.fails(125, "run", "--rm", "--security-opt", "frobnicate=1", nau.image(), "true", error="frobnicate")
    nau.fails(125, "run", "--rm", "--seccomp-policy", "image", nau.image(), "true", error="image")
    assert run(nau, "--personality", "LINUX32", command=("uname", "-m")) in ("i686\n", "armv8l\n")


@test
def images_volumes_can_be_ignored_or_in_memory(nau, tmp):
    nau("run", "--rm", "--image-volume", "ignore", nau.image(), "true")
    nau.fails(125, "run", "--rm", "--image-volume", "x", nau.image(), "true", error="anonymous")
    nau("run", "--rm", "--volume-driver", "local", nau.image(), "true")
    nau.fails(125, "run", "--rm", "--volume-driver", "nfs", nau.image(), "true", error="nfs")


@test
def the_platform_can_be_said_in_parts(nau):
    image = nau.image()
    arch = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    nau("run", "--rm", "--arch", arch, "--os", "linux", image, "true")
    nau.fails(125, "run", "--rm", "--pull", "never", "--arch", "s390x", image, "true")
    nau.fails(125, "run", "--rm", "--arch", arch, "--platform", "linux/" + arch, image, "true", error="exclude each other|twice")


main()
