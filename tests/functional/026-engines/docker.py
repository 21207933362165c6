"""docker with nau as its configured runtime."""

import signal

from nautest import main, test
from nautest.engines import Docker, docker_archive, enter_engine_world

DOCKER = ["root", "mount", "program:dockerd", "program:docker", "program:containerd", "program:skopeo"]


@test(needs=DOCKER, timeout=300)
def docker_runs_its_containers_with_nau(tmp):
    enter_engine_world(tmp)
    with Docker(tmp / "docker", docker_archive(tmp)) as docker:
        assert docker.run("--rm", docker.ref, "echo", "hello").out == "hello\n"
        assert docker.run("--rm", "-i", docker.ref, "cat", input="piped in").out == "piped in"
        assert docker.run("--rm", docker.ref, "sh", "-c", "exit 7", status=7).out == ""
        assert "no such file or directory" in docker.run("--rm", docker.ref, "/no/such", status=127).err
        assert "executable file not found" in docker.run("--rm", docker.ref, "nosuch", status=127).err
        assert "permission denied" in docker.run("--rm", docker.ref, "/etc", status=126).err.lower()
        report = docker.run("--rm", "--user", "1000:1001", "--cap-drop", "all", "--cap-add", "chown", "--read-only", "--hostname", "box",
                            "--workdir", "/tmp", "--env", "A=b c", docker.ref, "sh", "-c",
                            "id -u; id -g; hostname; pwd; echo $A; grep CapBnd /proc/self/status; touch /x", status=1)
        assert report.lines[:5] == ["1000", "1001", "box", "/tmp", "b c"], report
        assert int(report.lines[5].split()[1], 16) == 1 and "Read-only" in report.err, report
        terminal = docker.start("run", "--network", "none", "--rm", "-it", docker.ref, "sh", rows=40, columns=100)
        terminal.expect_shell(r"/dev/pts/0", 40, 100)
        terminal.send("exit 4\n")
        assert terminal.wait() == 4

        docker.run("-d", "--name", "first", "--memory", "64m", docker.ref, "sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done")
        limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null"
        assert docker("exec", "first", "sh", "-c", limit, status=None).out == f"{64 << 20}\n"
        assert docker("exec", "first", "sh", "-c", "exit 3", status=3).out == ""
        assert docker("exec", "-i", "-w", "/tmp", "-u", "12", "-e", "X=y", "first", "sh", "-c", "pwd; id -u; echo $X; cat",
                      input="in\n").lines == ["/tmp", "12", "y", "in"]
        assert docker("exec", "first", "/no/such", status=None).status in (126, 127)
        with_terminal = docker.start("exec", "-it", "first", "sh", rows=33, columns=99)
        with_terminal.expect_shell(r"/dev/pts/\d+", 33, 99)
        with_terminal.send("exit 9\n")
        assert with_terminal.wait() == 9
        docker("pause", "first")
        assert docker("inspect", "-f", "{{.State.Status}}", "first").out == "paused\n"
        docker("unpause", "first")
        docker("update", "--memory", "96m", "--memory-swap", "96m", "first")
        assert docker("exec", "first", "sh", "-c", limit, status=None).out == f"{96 << 20}\n"
        assert "trap" in docker("top", "first").out
        assert docker("stats", "--no-stream", "--format", "{{.Name}}", "first").out == "first\n"
        docker("stop", "--time", "10", "first")
        assert docker("inspect", "-f", "{{.State.ExitCode}}", "first").out == "5\n"
        assert docker("logs", "first").out == "up\n"
        docker("start", "first")
        docker("kill", "--signal", "KILL", "first")
        assert docker("wait", "first").out == f"{128 + signal.SIGKILL}\n"
        docker("rm", "first")
        assert docker("ps", "-aq").lines == [] and docker.container_groups() == []


main()
