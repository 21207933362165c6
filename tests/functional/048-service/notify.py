"""A container as a service: what its service manager gives to nau, and what it hears (sd_notify, sd_listen_fds)."""

import json
import os
import signal
import socket
import struct
import subprocess

from nautest import main, test
from nautest.command import set_subreaper

SO_PASSCRED = 16
SCM_CREDENTIALS = 2


class Manager:
    """The socket that systemd would listen on; who has sent is told by the kernel."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_PASSCRED, 1)
        self.socket.settimeout(20)
        self.socket.bind(self.path)

    @property
    def env(self):
        return {"NOTIFY_SOCKET": self.path}

    def receive(self):
        """(sender's pid, lines) of the next message."""
        text, control, _, _ = self.socket.recvmsg(4096, 1024)
        pids = [struct.unpack("iII", data[:12])[0] for level, kind, data in control if kind == SCM_CREDENTIALS]
        return pids[0], text.decode().splitlines()

    def is_silent(self):
        self.socket.setblocking(False)
        try:
            return self.socket.recv(4096) == b""
        except BlockingIOError:
            return True


def monitor_of(nau, name):
    return nau.inspect(name)["State"]["ConmonPid"]


@test(needs=["root"])
def conmon_tells_the_main_process_and_that_it_is_ready(nau, tmp):
    manager = Manager(tmp / "n")
    nau("run", "-d", "--name", "a", "--sdnotify", "conmon", nau.image("probe"), "/probe", "sleep", env=manager.env)
    assert manager.receive()[1] == [f"MAINPID={monitor_of(nau, 'a')}", "READY=1"]
    assert nau.inspect("a")["Config"]["sdNotifyMode"] == "conmon"
    assert manager.is_silent()


@test(needs=["root"])
def the_program_itself_says_when_it_is_ready_and_nothing_that_is_the_hosts(nau, tmp):
    manager = Manager(tmp / "n")
    nau("run", "-d", "--name", "a", "--user", "1000", nau.image("probe"), "/probe", "notify",
        "READY=1\nSTATUS=busy\nMAINPID=1\nFDSTORE=1\nNOTIFYACCESS=all", env=manager.env)
    monitor = monitor_of(nau, "a")
    messages = sorted([manager.receive(), manager.receive()], key=lambda m: m[1])
    assert [m[1] for m in messages] == [[f"MAINPID={monitor}"], ["READY=1", "STATUS=busy"]]
    assert messages[1][0] == monitor  # the manager knows this process, and none of the container
    nau("stop", "a")
    assert nau.inspect("a")["State"]["ExitCode"] == 0


@test(needs=["root"])
def healthy_waits_for_the_health_check(nau, tmp):
    manager = Manager(tmp / "n")
    image = nau.image("busybox")
    nau("run", "-d", "--name", "a", "--sdnotify", "healthy", "--health-cmd", "test -e /ready", "--health-interval",
        "100ms", "--health-retries", "1", image, "sleep", "1000", env=manager.env)
    monitor = monitor_of(nau, "a")
    assert manager.receive()[1] == [f"MAINPID={monitor}"]
    nau("healthcheck", "run", "a", status=1)
    assert manager.is_silent()
    manager.socket.settimeout(20)
    nau("exec", "a", "touch", "/ready")
    assert manager.receive() == (monitor, ["READY=1"])
    nau.fails(125, "run", "-d", "--sdnotify", "healthy", image, "true", error="needs a health check")


@test(needs=["root"])
def ignore_keeps_the_socket_to_itself(nau, tmp):
    manager = Manager(tmp / "n")
    report = nau("run", "--rm", "--sdnotify", "ignore", nau.image("probe"), "/probe", "env", env=manager.env).json()
    assert not [v for v in report["env"] if v.startswith("NOTIFY_SOCKET=")]
    assert manager.is_silent()


@test(needs=["root"])
def a_start_tells_too_and_a_manager_that_is_gone_is_named(nau, tmp):
    nau("create", "--name", "a", "--sdnotify", "conmon", nau.image("probe"), "/probe", "sleep")
    nau.fails(125, "start", "a", error="telling the service manager: connect /no/where", env={"NOTIFY_SOCKET": "/no/where"})
    manager = Manager(tmp / "n")
    nau("start", "a", env=manager.env)
    assert manager.receive()[1] == [f"MAINPID={monitor_of(nau, 'a')}", "READY=1"]


@test(needs=["root"])
def the_main_process_ends_as_the_container_does(nau, tmp):
    """The harness inherits the monitor as systemd would; its status is looked at before it is reaped."""
    manager = Manager(tmp / "n")
    runner = os.fork()
    if runner == 0:  # a subreaper of its own: a stand-in for the service manager
        status = 1
        try:
            set_subreaper()
            nau("run", "-d", "--name", "a", "--sdnotify", "conmon", nau.image("busybox"), "sh", "-c",
                "trap 'exit 7' TERM; while :; do sleep 0.05; done", env=manager.env)
            monitor = int(manager.receive()[1][0].partition("=")[2])
            os.kill(monitor, signal.SIGTERM)
            _, ended = os.waitpid(monitor, 0)
            status = 0 if os.waitstatus_to_exitcode(ended) == 7 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(runner, 0)[1]) == 0
    assert nau("wait", "a").word == "7"


@test(needs=["root"])
def listening_sockets_of_the_manager_reach_the_program(nau, tmp):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp / "listener"))
    listener.listen()
    nau.image("probe")
    script = ('exec 3<&"$0"; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$@"')
    argv = nau.argv("run", "--rm", nau.image("probe"), "/probe")
    done = subprocess.run(["sh", "-c", script, str(listener.fileno()), *argv], pass_fds=[listener.fileno()],
                          env=nau.env, cwd=nau.base, stdout=subprocess.PIPE, timeout=30, check=True)
    report = json.loads(done.stdout)
    assert {"LISTEN_PID=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=web"} <= set(report["env"])
    assert set(report["fds"]) == {"0", "1", "2", "3"} and report["fds"]["3"].startswith("socket:"), report["fds"]


main()
