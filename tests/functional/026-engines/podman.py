"""podman with nau as its runtime."""

import os
import signal

from nautest import main, test
from nautest.engines import Podman, docker_archive, enter_engine_world
from nautest.runtime import host_mounts

PODMAN = ["root", "mount", "program:podman", "program:conmon", "program:skopeo"]


@test(needs=PODMAN, timeout=240)
def podman_runs_its_containers_with_nau(tmp):
    enter_engine_world(tmp)
    with Podman(tmp / "podman", docker_archive(tmp)) as podman:
        # The mounts of the storage stay as long as podman likes; nothing of a container does.
        before = host_mounts()
        assert podman.run("--rm", podman.ref, "echo", "hello").out == "hello\n"
        assert podman.run("--rm", "-i", podman.ref, "cat", input="piped in").out == "piped in"
        assert podman.run("--rm", podman.ref, "sh", "-c", "exit 7", status=7).out == ""
        assert "no such file or directory" in podman.run("--rm", podman.ref, "/no/such", status=127).err.lower()
        assert "permission denied" in podman.run("--rm", podman.ref, "/etc", status=126).err.lower()
        report = podman.run("--rm", "--user", "1000:1001", "--cap-drop", "all", "--cap-add", "chown", "--read-only", "--hostname", "box",
                            "--workdir", "/tmp", "--env", "A=b c", podman.ref, "sh", "-c",
                            "id -u; id -g; hostname; pwd; echo $A; grep CapBnd /proc/self/status; touch /x", status=1)
        assert report.lines[:5] == ["1000", "1001", "box", "/tmp", "b c"], report
        assert int(report.lines[5].split()[1], 16) == 1 and "Read-only" in report.err, report
        assert host_mounts() == before


@test(needs=PODMAN, timeout=240)
def podman_execs_pauses_updates_stops_and_removes(tmp):
    enter_engine_world(tmp)
    with Podman(tmp / "podman", docker_archive(tmp)) as podman:
        podman.run("-d", "--name", "c", "--memory", "64m", podman.ref, "sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done")
        limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null"
        assert podman("exec", "c", "sh", "-c", limit, status=None).out == f"{64 << 20}\n"
        assert podman("exec", "c", "sh", "-c", "exit 3", status=3).out == ""
        assert podman("exec", "-i", "-w", "/tmp", "-u", "12", "-e", "X=y", "c", "sh", "-c", "pwd; id -u; echo $X; cat",
                      input="in\n").lines == ["/tmp", "12", "y", "in"]
        assert podman("exec", "c", "/no/such", status=127).out == ""
        assert podman("exec", "c", "/etc", status=126).out == ""
        with_terminal = podman.start("exec", "-it", "c", "sh", rows=33, columns=99)
        with_terminal.expect_shell(r"/dev/pts/\d+", 33, 99)
        with_terminal.send("exit 9\n")
        assert with_terminal.wait() == 9
        podman("pause", "c")
        assert podman("inspect", "-f", "{{.State.Status}}", "c").out == "paused\n"
        podman("unpause", "c")
        podman("update", "--memory", "96m", "c")
        assert podman("exec", "c", "sh", "-c", limit, status=None).out == f"{96 << 20}\n"
        assert podman("ps", "-q", "--filter", "status=running").lines != []
        assert "trap" in podman("top", "c", "args").out
        assert podman("stats", "--no-stream", "--no-reset", "--format", "{{.Name}} {{.PIDs}}", "c").out.startswith("c ")
        podman("stop", "--time", "10", "c")
        assert podman("inspect", "-f", "{{.State.ExitCode}}", "c").out == "5\n"
        assert podman("logs", "c").out == "up\n"
        podman("start", "c")
        podman("kill", "--signal", "KILL", "c")
        assert podman("wait", "c").out == f"{128 + signal.SIGKILL}\n"
        podman("rm", "c")
        assert os.listdir(tmp / "podman" / "tmp" / "exits") == [] and podman("ps", "-aq").lines == []


@test(needs=PODMAN, timeout=240)
def podman_gives_containers_terminals_and_shares_their_namespaces(tmp):
    enter_engine_world(tmp)
    with Podman(tmp / "podman", docker_archive(tmp), runtime="crun") as podman:
        terminal = podman.start("run", "--network", "none", "--cgroup-parent", podman.group, "--rm", "-it", podman.ref, "sh", rows=40, columns=100)
        terminal.expect_shell(r"/dev/pts/0", 40, 100)
        terminal.send("exit 4\n")
        assert terminal.wait() == 4
        podman.run("-d", "--name", "first", podman.ref, "sleep", "1000")
        pid = podman("inspect", "-f", "{{.State.Pid}}", "first").out.strip()
        done = podman.run("--rm", "--pid", "container:first", "--ipc", "container:first", podman.ref, "sh", "-c",
                          "readlink /proc/self/ns/pid; readlink /proc/self/ns/ipc")
        assert done.lines == [os.readlink(f"/proc/{pid}/ns/{n}") for n in ("pid", "ipc")], done
        podman("rm", "-f", "--time", "0", "first")


main()
