"""A monitor that is killed: the container stays, its exit status is found where the kernel tells it, every verb works."""

import json
import os
import signal
import time

from nautest import main, test


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.02)


def inspect(nau, name):
    return json.loads(nau("inspect", name).out)[0]


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def kernel_tells_exit_status():
    """PIDFD_INFO_EXIT is of Linux 6.15."""
    return tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2]) >= (6, 15)


def run_and_kill_monitor(nau, script, *words):
    nau("run", "-d", "--name", "a", *words, nau.image("busybox"), "sh", "-c", script)
    monitor = inspect(nau, "a")["State"]["ConmonPid"]
    os.kill(monitor, signal.SIGKILL)
    until(lambda: gone(monitor))


SCRIPT = "trap 'exit 42' TERM; while :; do sleep 0.05; done"


@test(needs=["root"])
def the_container_goes_on_and_stop_ends_it(nau):
    run_and_kill_monitor(nau, SCRIPT)
    assert inspect(nau, "a")["State"]["Status"] == "running"
    assert nau("exec", "a", "echo", "hi").out == "hi\n"
    nau("stop", "a")  # the harness, a subreaper, has inherited the process and reaps it as init would
    state = inspect(nau, "a")["State"]
    assert state["Status"] == "exited"
    if kernel_tells_exit_status():
        assert state["ExitCode"] == 42, state
    else:
        assert state["ExitCode"] is None, state  # never an invented one


@test(needs=["root"])
def kill_is_told_apart(nau):
    run_and_kill_monitor(nau, SCRIPT)
    nau("rm", "-f", "a")
    assert nau("ps", "-aq").lines == []


@test(needs=["root"])
def an_end_that_nobody_saw_is_unknown_and_never_zero(nau):
    run_and_kill_monitor(nau, SCRIPT)
    pid = inspect(nau, "a")["State"]["Pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid))
    state = inspect(nau, "a")["State"]
    assert state["Status"] == "exited" and state["ExitCode"] is None, state
    nau("start", "a")
    assert inspect(nau, "a")["State"]["Status"] == "running"


@test(needs=["root"])
def a_monitor_killed_between_two_runs_leaves_the_last_status(nau):
    nau("run", "-d", "--name", "a", "--restart", "always", nau.image("busybox"), "sh", "-c", "exit 9")
    until(lambda: inspect(nau, "a")["RestartCount"] >= 3 and inspect(nau, "a")["State"]["Restarting"])
    monitor = inspect(nau, "a")["State"]["ConmonPid"]
    os.kill(monitor, signal.SIGKILL)
    until(lambda: gone(monitor))
    until(lambda: inspect(nau, "a")["State"]["Status"] == "exited")
    assert inspect(nau, "a")["State"]["ExitCode"] == 9
    assert nau("system", "boot").lines == ["a"]
    until(lambda: inspect(nau, "a")["State"]["Restarting"])


@test(needs=["root"])
def boot_leaves_alone_what_a_user_has_stopped(nau):
    image = nau.image("busybox")
    nau("run", "-d", "--name", "stopped", "--restart", "unless-stopped", image, "sleep", "1000")
    nau("run", "-d", "--name", "lost", "--restart", "unless-stopped", image, "sleep", "1000")
    nau("run", "-d", "--name", "plain", image, "sleep", "1000")
    nau("stop", "-t", "0", "stopped", "plain")
    state = inspect(nau, "lost")["State"]
    os.kill(state["ConmonPid"], signal.SIGKILL)
    os.kill(state["Pid"], signal.SIGKILL)
    until(lambda: gone(state["Pid"]))
    assert nau("system", "boot").lines == ["lost"]
    assert nau("ps", "--format", "{{.Names}}").lines == ["lost"]
    assert nau("system", "boot").lines == []


main()
