"""create, start, stop, kill, wait, rm, ps: and what is left after each."""

import os
import signal
import time

from nautest import main, test


def wait_until(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def status(nau, name):
    return nau("inspect", "--format", "{{.State.Status}}", name).word


def monitor_and_init(nau, name):
    pid = int(nau("inspect", "--format", "{{.State.Pid}}", name).word)
    with open(f"/proc/{pid}/status") as f:
        parent = int([line for line in f if line.startswith("PPid")][0].split()[1])
    return parent, pid


@test
def from_created_to_removed(nau):
    image = nau.image()
    c = nau("create", "--name", "life", image, "sh", "-c", "exit 3").word
    assert status(nau, "life") == "created"
    assert nau("ps", "-q").lines == []
    nau("start", "life")
    assert nau("wait", "life").out == "3\n"
    wait_until(lambda: status(nau, "life") == "exited", "exited")
    assert nau("inspect", c).json()[0]["State"]["ExitCode"] == 3
    nau("start", "-a", "life", status=3)
    nau("rm", "life")
    assert nau.containers() == []


@test
def its_files_survive_a_restart(nau):
    image = nau.image()
    nau("create", "--name", "keep", image, "sh", "-c", "cat /f 2>/dev/null; echo x >> /f")
    for expected in ("", "x\n", "x\nx\n"):
        assert nau("start", "-a", "keep").out == expected


@test
def stop_asks_first_and_kills_then(nau):
    image = nau.image()
    polite = nau("run", "-d", image, "sh", "-c", "trap 'exit 4' TERM; while :; do sleep 0.05; done").word
    time.sleep(0.2)
    nau("stop", polite)
    assert nau("inspect", polite).json()[0]["State"]["ExitCode"] == 4
    deaf = nau("run", "-d", image, "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done").word
    nau("stop", "-t", "0", deaf)
    assert nau("inspect", deaf).json()[0]["State"]["ExitCode"] == 137
    nau("stop", deaf)


@test
def kill_sends_the_signal_that_is_named(nau):
    c = nau("run", "-d", nau.image(), "sh", "-c", "trap 'exit 11' USR1; echo ready; while :; do sleep 0.05; done").word
    wait_until(lambda: "ready" in nau("logs", c).out, "ready")
    nau("kill", "-s", "USR1", c)
    assert nau("wait", c).out == "11\n"
    nau.fails(125, "kill", c, error="not running")
    nau.fails(125, "kill", "-s", "NOPE", c, error="NOPE")


@test
def rm_refuses_what_runs_unless_forced(nau):
    c = nau("run", "-d", nau.image(), "sleep", "1000").word
    nau.fails(2, "rm", c, error="running")
    nau.fails(1, "rm", "nosuch", error="nosuch")
    nau("rm", "-f", c)
    nau("rm", "-f", "nosuch")
    assert nau.containers() == []


@test
def several_objects_go_on_after_a_failure(nau):
    image = nau.image()
    nau("create", "--name", "a", image, "true")
    nau("create", "--name", "b", image, "true")
    result = nau("rm", "a", "nosuch", "b", status=1)
    assert "nosuch" in result.err and nau.containers() == [], result


@test
def ids_and_names_and_prefixes_find_it(nau):
    image = nau.image()
    c = nau("create", "--name", "findme", image, "true").word
    for word in (c, c[:12], c[:4], "findme"):
        assert nau("inspect", "--format", "{{.Id}}", word).word == c, word
    nau.fails(125, "inspect", "nosuchthing", error="nosuchthing")


@test
def a_removed_container_with_rm_is_gone_after_its_end(nau):
    nau("run", "-d", "--rm", nau.image(), "true")
    wait_until(lambda: nau.containers() == [], "gone")


@test
def a_killed_monitor_is_noticed_and_everything_still_works(nau):
    image = nau.image()
    c = nau("run", "-d", "--name", "orphan", image, "sleep", "1000").word
    monitor, init = monitor_and_init(nau, "orphan")
    os.kill(monitor, signal.SIGKILL)
    assert status(nau, "orphan") == "running"
    assert nau("exec", "orphan", "echo", "still").out == "still\n"
    os.kill(init, signal.SIGKILL)
    wait_until(lambda: status(nau, "orphan") == "exited", "exited")
    assert nau("inspect", c).json()[0]["State"]["ExitCode"] in (None, 137)
    nau("start", "orphan")
    assert status(nau, "orphan") == "running"
    os.kill(monitor_and_init(nau, "orphan")[0], signal.SIGKILL)
    nau("rm", "-f", "orphan")
    assert nau.containers() == []


@test
def namespaces_do_not_see_each_other(nau):
    image = nau.image()
    c = nau("create", "--name", "mine", image, "true").word
    assert nau("--namespace", "other", "ps", "-aq").lines == []
    nau.fails(125, "--namespace", "other", "inspect", c, error=c[:12])
    assert nau("--namespace", "other", "images", "-q").lines == []


@test
def the_journal_tells_what_happened(nau):
    import json
    c = nau("run", "--name", "told", nau.image(), "true", status=0) and nau("inspect", "--format", "{{.Id}}", "told").word
    nau("rm", "told")
    with open(nau.root / "events" / "journal.jsonl") as f:
        events = [json.loads(line) for line in f]
    assert [e["action"] for e in events if e["id"] == c] == ["create", "start", "died", "remove"], events


main()
