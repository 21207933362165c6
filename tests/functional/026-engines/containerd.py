"""containerd's shim with nau as the binary it calls."""

import signal
import time

from nautest import main, test
from nautest.engines import Containerd, docker_archive, enter_engine_world

CONTAINERD = ["root", "mount", "program:containerd", "program:ctr", "program:containerd-shim-runc-v2", "program:skopeo"]


def wait_for_end(ctr):
    deadline = time.monotonic() + 20
    while ctr("task", "list").lines[1].split()[2] != "STOPPED":
        assert time.monotonic() < deadline, ctr.log()


@test(needs=CONTAINERD, timeout=240)
def containerd_runs_its_containers_with_nau(tmp):
    enter_engine_world(tmp)
    with Containerd(tmp / "c", docker_archive(tmp)) as ctr:
        assert ctr.run("a", "echo", "hello", options=["--rm"]).out == "hello\n"
        assert ctr.run("b", "sh", "-c", "exit 7", options=["--rm"], status=7).out == ""
        assert "executable file not found" in ctr.run("n", "nosuch", options=["--rm"], status=1).err
        assert "permission denied" in ctr.run("n", "/etc", options=["--rm"], status=1).err.lower()
        terminal = ctr.start(*ctr.run_words("t", "sh", options=["--rm", "-t"]), rows=40, columns=100)
        terminal.expect_shell(r"/dev/pts/0", 40, 100)
        terminal.send("exit 4\n")
        assert terminal.wait() == 4

        ctr.run("c", "sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done", options=["-d", "--memory-limit", str(64 << 20)])
        limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null"
        assert ctr("task", "exec", "--exec-id", "e1", "c", "sh", "-c", "exit 3", status=3).out == ""
        assert ctr("task", "exec", "--exec-id", "e2", "--cwd", "/tmp", "--user", "12", "c", "sh", "-c", "pwd; id -u").lines == ["/tmp", "12"]
        assert "no such file" in ctr("task", "exec", "--exec-id", "e3", "c", "/no/such", status=1).err
        with_terminal = ctr.start("task", "exec", "--exec-id", "e4", "-t", "c", "sh", rows=33, columns=99)
        with_terminal.expect_shell(r"/dev/pts/\d+", 33, 99)
        with_terminal.send("exit 9\n")
        assert with_terminal.wait() == 9
        ctr("task", "pause", "c")
        assert ctr("task", "list").lines[1].split()[2] == "PAUSED"
        ctr("task", "resume", "c")
        assert ctr("task", "list").lines[1].split()[2] == "RUNNING"
        assert len(ctr("task", "ps", "c").lines) >= 2
        assert "memory" in ctr("task", "metrics", "c").out
        ctr("task", "kill", "--signal", "SIGTERM", "c")
        wait_for_end(ctr)
        assert "exit code 5" in ctr("task", "rm", "c").err
        ctr("task", "start", "-d", "c")
        ctr("task", "kill", "--signal", "SIGKILL", "c")
        wait_for_end(ctr)
        assert f"exit code {128 + signal.SIGKILL}" in ctr("task", "rm", "c").err
        ctr("container", "rm", "c")
        assert ctr.container_groups() == []


main()
