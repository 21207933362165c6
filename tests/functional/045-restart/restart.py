"""A container that ends is started again by its monitor, as its policy says, until somebody stops it."""

import json
import os
import signal
import time

from nautest import main, test


def until(condition, seconds=20):
    """Waits for a condition to hold; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.02)


def inspect(nau, name):
    return json.loads(nau("inspect", name).out)[0]


@test(needs=["root"])
def always_starts_again_until_stop(nau):
    image = nau.image("busybox")
    nau("run", "-d", "--name", "a", "--restart", "always", image, "sh", "-c", "echo run; exit 3")
    until(lambda: inspect(nau, "a")["RestartCount"] >= 2)
    nau("stop", "a")
    state = inspect(nau, "a")
    assert state["State"]["Status"] == "exited", state["State"]
    assert state["State"]["Restarting"] is False
    assert state["State"]["ExitCode"] == 3
    count = state["RestartCount"]
    assert nau("logs", "a").out == "run\n" * (count + 1)
    assert inspect(nau, "a")["RestartCount"] == count


@test(needs=["root"])
def on_failure_gives_up_after_so_many(nau):
    image = nau.image("busybox")
    nau("run", "-d", "--name", "a", "--restart", "on-failure:2", image, "sh", "-c", "echo x; exit 7")
    until(lambda: inspect(nau, "a")["State"]["Status"] == "exited")
    found = inspect(nau, "a")
    assert found["RestartCount"] == 2
    assert found["State"]["ExitCode"] == 7
    assert found["State"]["ExitCause"] == "exited"
    assert found["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}
    assert nau("logs", "a").out == "x\n" * 3


@test(needs=["root"])
def on_failure_leaves_a_success_alone(nau):
    nau("run", "-d", "--name", "a", "--restart", "on-failure", nau.image("busybox"), "true")
    assert nau("wait", "a").word == "0"
    until(lambda: inspect(nau, "a")["State"]["Status"] == "exited")
    assert inspect(nau, "a")["RestartCount"] == 0


@test(needs=["root"])
def a_killed_first_process_is_started_again_but_not_after_kill(nau):
    image = nau.image("busybox")
    nau("run", "-d", "--name", "a", "--restart", "always", image, "sleep", "1000")
    pid = inspect(nau, "a")["State"]["Pid"]
    os.kill(pid, signal.SIGKILL)
    again = until(lambda: (lambda s: s["Pid"] if s["Status"] == "running" and s["Pid"] != pid else 0)(
        inspect(nau, "a")["State"]))
    assert again != pid
    assert nau("exec", "a", "echo", "hi").out == "hi\n"
    assert "a" in nau("ps", "--format", "{{.Names}}").lines
    nau("kill", "a")
    until(lambda: inspect(nau, "a")["State"]["Status"] == "exited")
    state = inspect(nau, "a")["State"]
    assert (state["ExitCode"], state["ExitCause"]) == (137, "user"), state
    nau("start", "a")
    assert inspect(nau, "a")["State"]["Status"] == "running"


@test(needs=["root"])
def a_container_between_two_runs_can_be_removed(nau):
    image = nau.image("busybox")
    nau("run", "-d", "--name", "a", "--restart", "always", image, "false")
    until(lambda: inspect(nau, "a")["RestartCount"] >= 3)
    nau.fails(2, "rm", "a", error="restarting|running")
    nau("rm", "-f", "a")
    assert nau("ps", "-aq").lines == []


@test(needs=["root"])
def rm_and_restart_contradict_each_other(nau):
    nau.fails(125, "run", "--rm", "--restart", "always", nau.image("busybox"), "true", error="--restart")
    nau.fails(125, "run", "--restart", "sometimes", nau.image("busybox"), "true", error="restart policy")


main()
