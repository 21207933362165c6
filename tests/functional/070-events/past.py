"""What was: ps --at from the journal, and run --result for scripts."""

import json

from nautest import main, test


def moment(nau, container, action):
    rows = [json.loads(line) for line in nau("events", "--since", "1h", "--stream=false", "--format", "json", "--filter",
                                             f"container={container}", "--filter", f"event={action}").lines]
    return rows[-1]["Time"]


@test(needs=["root"])
def ps_shows_the_past(nau):
    image = nau.image("busybox")
    nau("run", "-d", "--name", "a", image, "sleep", "1000")
    running = moment(nau, "a", "start")
    nau("stop", "-t", "0", "a")
    stopped = moment(nau, "a", "died")
    nau("create", "--name", "b", image, "true")
    nau("rm", "a")
    names = ["--format", "{{.Names}} {{.State}}"]
    assert nau("ps", "--at", running, *names).lines == ["a running"]
    assert nau("ps", "--at", stopped, *names).lines == []
    assert nau("ps", "-a", "--at", stopped, *names).lines == ["a exited"]
    assert nau("ps", "-a", "--at", "0s", *names).lines == ["b created"]
    nau.fails(125, "ps", "--at", "2000-01-01", error="does not go back to")
    nau.fails(125, "ps", "--at", running, "--size", error="--at goes with")


@test(needs=["root", "cgroup:memory"])
def run_writes_how_it_ended_for_scripts(nau, tmp):
    image = nau.image("busybox")
    path = tmp / "result"
    nau("run", "--rm", "--name", "x", "--result", f"json:{path}", image, "sh", "-c", "exit 4", status=4)
    result = json.loads(path.read_text())
    assert (result["exitCode"], result["cause"], result["signal"], result["oomKilled"]) == (4, "exited", None, False)
    assert result["name"] == "x" and result["imageDigest"].startswith("sha256:") and result["command"] == ["sh", "-c", "exit 4"]
    assert result["memoryPeakBytes"] > 0 and result["cpuNs"] > 0
    assert all(result["timingsNs"][part] > 0 for part in ("image", "create", "start", "run"))
    nau("run", "--rm", "--result", path, image, "sh", "-c", "kill -9 $$", status=None)
    nau("run", "--rm", "--result", path, image, "/no/such", status=127)
    result = json.loads(path.read_text())
    assert (result["exitCode"], result["cause"]) == (127, "start_failed") and "/no/such" in result["error"]
    nau.fails(125, "run", "--rm", "--result", tmp / "no" / "dir", image, "true", error="No such file")
    nau.fails(125, "run", "-d", "--result", path, image, "true", error="contradict each other")


@test(needs=["root", "cgroup:memory"])
def want_of_memory_is_recognised_and_explained(nau, tmp):
    path = tmp / "result"
    # tail keeps the longest line it has seen, and /dev/zero has no end of line.
    done = nau("run", "--name", "hog", "-m", "16m", "--memory-swap", "16m", "--result", path, nau.image("busybox"), "tail",
               "/dev/zero", status=None)
    assert done.status == 137, done
    result = json.loads(path.read_text())
    assert (result["cause"], result["oomKilled"], result["signal"]) == ("oom", True, "SIGKILL")
    assert nau.inspect("hog")["State"]["OOMKilled"] is True
    assert "no memory left" in nau("why", "hog").out
    assert moment(nau, "hog", "oom") <= moment(nau, "hog", "died")


main()
