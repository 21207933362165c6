"""events, stats, update and why: what containers did, what they use, and what they may use."""

import json
import signal

from nautest import main, test


@test
def events_are_listed_filtered_and_formatted(nau):
    image = nau.image()
    c = nau("run", "--name", "told", "--label", "a=b", image, "sh", "-c", "exit 3", status=3) and \
        nau("inspect", "--format", "{{.Id}}", "told").word
    nau("volume", "create", "vol")
    lines = nau("events", "--stream=false", "--filter", "container=told").lines
    assert [line.split()[2] for line in lines] == ["create", "start", "died"], lines
    assert f" container died {c} (" in lines[-1] and "name=told" in lines[-1] and "a=b" in lines[-1]
    assert nau("events", "--stream=false", "-f", "event=died", "--format", "{{.Type}} {{.Status}} {{.Name}} {{.ContainerExitCode}}").out \
        == "container died told 3\n"
    assert nau("events", "--no-stream", "-f", "type=volume", "--format", "{{.Name}} {{.Action}}").out == "vol create\n"
    (event,) = [json.loads(l) for l in nau("events", "--stream=false", "-f", "event=start", "--format", "json").lines]
    assert (event["ID"], event["Name"], event["Actor"]["Attributes"]["name"]) == (c, "told", "told")
    assert nau("events", "--stream=false", "--since", "2099-01-01").out == ""
    assert nau("events", "--stream=false", "--until", "2000-01-01").out == ""
    nau.fails(125, "events", "--stream=false", "--filter", "colour=red", error="colour")


@test
def events_are_followed_until_nobody_wants_them(nau):
    image = nau.image()
    follower = nau.start("events", "--filter", "event=create", "--format", "{{.Name}}")
    for i in range(50):
        nau("create", "--name", f"one{i}", image, "true")
        try:
            follower.expect("one", timeout=0.5)
            break
        except Exception:
            continue
    else:
        raise AssertionError("no event came")
    follower.signal(signal.SIGINT)
    follower.wait(status=None)
    assert nau("--namespace", "other", "events", "--stream=false").out == ""


@test(needs=["root", "cgroup:memory"])
def stats_show_what_is_used(nau):
    image = nau.image()
    nau("run", "-d", "--name", "s", "--memory", "64m", image, "sh", "-c", "while :; do :; done")
    nau("create", "--name", "idle", image, "true")
    lines = nau("stats", "--no-stream", "--no-reset").lines
    assert lines[0].split()[:4] == ["ID", "NAME", "CPU", "%"] and len(lines) == 2, lines
    assert "67.11 MB" in lines[1] or "67.1 MB" in lines[1] or "/ 67" in lines[1], lines
    (row,) = nau.json("stats", "--no-stream")
    assert row["name"] == "s" and row["pids"] == "1" and float(row["cpu_percent"][:-1]) > 5, row
    assert nau("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}} {{.MemLimit}}").out == f"s 1 {64 << 20}\n"
    assert len(nau("stats", "-a", "--no-stream").lines) == 3
    nau.fails(125, "stats", "--no-stream", "idle", error="not running")
    nau.fails(125, "stats", "--no-stream", "nosuch", error="nosuch")
    watcher = nau.start("stats", "-i", "1", "--no-reset", "--format", "{{.Name}}|")
    watcher.expect(r"s\|[\s\S]*s\|")
    watcher.signal(signal.SIGTERM)
    watcher.wait(status=None)


@test(needs=["root", "cgroup:memory", "cgroup:pids"])
def update_changes_limits_at_once_and_for_good(nau):
    image = nau.image()
    nau("run", "-d", "--name", "u", "--memory", "64m", "--pids-limit", "50", image, "sleep", "1000")
    assert len(nau("update", "--memory", "128m", "--cpus", "0.5", "u").word) == 64
    host = nau.inspect("u")["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (128 << 20, 500_000_000, 50)
    assert nau("stats", "--no-stream", "--format", "{{.MemLimit}}", "u").word == str(128 << 20)
    nau("restart", "-t", "0", "u")
    assert nau("stats", "--no-stream", "--format", "{{.MemLimit}}", "u").word == str(128 << 20)
    nau.fails(125, "update", "--cpus", "1", "--cpu-quota", "1000", "u", error="together")
    nau.fails(125, "update", "--health-cmd", "true", "u", error="fixed")
    nau.fails(125, "update", "--memory", "1g", "nosuch", error="nosuch")


@test
def update_changes_variables_and_the_restart_policy_of_several(nau):
    image = nau.image()
    for name in ("a", "b"):
        nau("create", "--name", name, "-e", "OLD=1", "-e", "GONE=1", image, "sh", "-c", "echo $OLD $NEW [$GONE]; exit 3")
    assert len(nau("update", "--restart", "on-failure:1", "--env", "NEW=2", "--env", "OLD=3", "--unsetenv", "GONE", "a", "b").lines) == 2
    assert nau.inspect("b")["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 1}
    nau("start", "b")
    nau("wait", "b")
    assert nau("logs", "b").out == "3 2 []\n" * 2
    nau("run", "-d", "--name", "up", image, "sleep", "1000")
    nau.fails(125, "update", "--restart", "always", "up", error="while it runs")
    nau("update", "-e", "NEW=2", "up")
    assert nau("exec", "up", "sh", "-c", "echo $NEW").out == "2\n"
    nau("create", "--rm", "--name", "brief", image, "true")
    nau.fails(125, "update", "--restart", "always", "brief", error="--rm")
    nau.fails(125, "update", "--restart", "sometimes", "a", error="sometimes")
    nau.fails(125, "update", "--env", "X", "a", error="NAME=VALUE")
    nau.fails(125, "update", error="at least one CONTAINER")


@test
def why_tells_how_it_ended(nau):
    image = nau.image()
    nau("create", "--name", "w", image, "sh", "-c", "sleep 1000")
    assert "never been started" in nau("why", "w").out
    nau("start", "w")
    assert "is running" in nau("why", "w").out
    nau("stop", "-t", "0", "w")
    told = nau("why", "w").out
    assert "'nau stop' asked it to end" in told and "nau logs w" in told, told
    nau("run", "--name", "own", image, "sh", "-c", "exit 42", status=42)
    assert "status 42" in nau("why", "own").out
    nau("run", "--name", "missing", image, "/no/such", status=127)
    assert "could not be started" in nau("why", "missing").out and "/no/such" in nau("why", "missing").out
    nau.fails(125, "why", "nosuch", error="nosuch")


main()
