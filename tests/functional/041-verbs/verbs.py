"""pause, unpause, rename, top, init, and the ways to say which containers a verb is to work on."""

import re

from nautest import main, test


def state(nau, name):
    return nau("inspect", "--format", "{{.State.Status}}", name).word


@test(needs=["root", "cgroup:freezer"])
def a_paused_container_does_nothing_until_it_goes_on(nau):
    image = nau.image()
    nau("run", "-d", "--name", "p", image, "sh", "-c", "while :; do echo x >> /n; sleep 0.02; done")
    assert nau("pause", "p").out == "p\n"
    assert state(nau, "p") == "paused"
    assert nau.json("ps")[0]["State"] == "paused"
    assert nau("ps", "--filter", "status=paused", "--format", "{{.Names}}|{{.Status}}").out == "p|Paused\n"
    nau.fails(125, "pause", "p", error="already paused")
    nau.fails(125, "exec", "p", "true", error="paused")
    nau.fails(2, "rm", "p", error="paused")
    assert nau("unpause", "p").out == "p\n"
    assert state(nau, "p") == "running"
    nau.fails(125, "unpause", "p", error="not paused")
    assert nau("exec", "p", "echo", "again").out == "again\n"
    nau("rm", "-f", "-t0", "p")


@test(needs=["root", "cgroup:freezer"])
def a_paused_container_can_be_stopped_killed_and_removed(nau):
    image = nau.image()
    for name in ("stopped", "killed", "removed"):
        nau("run", "-d", "--name", name, image, "sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.02; done")
        nau("exec", name, "true")
        nau("pause", name)
    nau("stop", "stopped")
    assert nau.inspect("stopped")["State"]["ExitCode"] == 7
    nau("kill", "killed")
    assert nau("wait", "killed").out == "137\n"
    nau("rm", "-f", "removed")
    nau.fails(125, "pause", "stopped", error="not running, it is exited")
    nau.fails(125, "unpause", "stopped", error="not running")


@test(needs=["root", "cgroup:freezer"])
def pause_all_takes_the_running_and_unpause_all_the_paused(nau):
    image = nau.image()
    for name in ("a", "b"):
        nau("run", "-d", "--name", name, image, "sleep", "1000")
    nau("create", "--name", "c", image, "true")
    assert len(nau("pause", "-a").lines) == 2
    assert [state(nau, n) for n in "abc"] == ["paused", "paused", "created"]
    assert len(nau("unpause", "--all").lines) == 2


@test
def rename_gives_another_name_and_refuses_a_taken_one(nau):
    image = nau.image()
    c = nau("create", "--name", "old", image, "true").word
    nau("create", "--name", "taken", image, "true")
    assert nau("rename", "old", "new").out == ""
    assert nau("inspect", "--format", "{{.Id}} {{.Name}}", "new").out == f"{c} new\n"
    nau.fails(125, "inspect", "old", error="old")
    nau.fails(125, "rename", "new", "taken", error="taken")
    nau.fails(125, "rename", "new", "-bad", error="flag|name")
    nau.fails(125, "rename", "new", "b/ad", error="b/ad")
    nau.fails(125, "rename", "nosuch", "x", error="nosuch")
    nau.fails(125, "container", "rename", "new", "new", error="already")


@test
def top_shows_the_processes_as_the_container_numbers_them(nau):
    image = nau.image()
    nau("run", "-d", "--name", "t", "-e", "X=1", image, "sh", "-c", "sleep 1000 & exec sleep 2000")
    lines = nau("top", "t").lines
    assert lines[0].split() == ["USER", "PID", "PPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND"], lines
    rows = [line.split(None, 7) for line in lines[1:]]
    assert [(r[0], r[1], r[7]) for r in rows] == [("root", "1", "sleep 2000"), ("root", rows[1][1], "sleep 1000")], rows
    assert rows[1][2] == "1" and re.fullmatch(r"\d+\.\d{3}", rows[0][3]), rows
    own = nau("top", "t", "hpid", "huser", "args").lines[1].split(None, 2)
    assert own == [str(nau.pid("t")), "root", "sleep 2000"]
    assert nau("top", "t", "pid,comm").lines[0].split() == ["PID", "COMMAND"]
    assert nau("top", "t", "-eo", "pid,comm").lines == nau("top", "t", "pid,comm").lines
    assert nau("top", "t", "-ef").lines[0].startswith("USER")
    assert "capeff" in nau("top", "--list-descriptors").lines
    nau.fails(125, "top", "t", "nonsense", error="nonsense")
    nau.fails(125, "top", "t", "--forest", error="--forest")
    nau("kill", "t")
    nau("wait", "t")
    nau.fails(125, "top", "t", error="not running")


@test
def init_checks_what_a_start_needs(nau, tmp):
    image = nau.image()
    (tmp / "data").mkdir()
    nau("create", "--name", "i", "-v", f"{tmp}/data:/data", image, "true")
    assert nau("init", "i").out == "i\n"
    (tmp / "data").rmdir()
    nau.fails(125, "init", "i", error=str(tmp / "data"))
    nau("run", "-d", "--name", "r", image, "sleep", "1000")
    nau.fails(125, "container", "init", "r", error="running")


@test
def verbs_take_id_files_and_filters(nau, tmp):
    image = nau.image()
    for name in ("one", "two", "three"):
        nau("run", "-d", "--name", name, "--label", "kind=" + ("odd" if name != "two" else "even"),
            "--cidfile", str(tmp / name), image, "sleep", "1000")
    assert sorted(nau("kill", "--filter", "label=kind=odd").lines) == \
        sorted((tmp / n).read_text() for n in ("one", "three"))
    assert state(nau, "two") == "running"
    nau("stop", "-t", "0", "--cidfile", str(tmp / "two"))
    nau("wait", "one", "three")
    nau.fails(125, "rm", "--cidfile", str(tmp / "nosuch"), error="nosuch")
    nau("rm", "--ignore", "--cidfile", str(tmp / "nosuch"))
    nau.fails(125, "rm", "-a", "one", error="exclude")
    assert len(nau("rm", "--filter", "label=kind").lines) == 3
    assert nau.containers() == []


@test
def anonymous_volumes_go_with_rm_v_and_with_run_rm(nau):
    image = nau.image()

    def volumes():
        directory = nau.root / "volumes" / "default"
        return sorted(p.name for p in directory.iterdir()) if directory.exists() else []

    nau("create", "--name", "keeps", "-v", "/anon", image, "true")
    kept = volumes()
    assert len(kept) == 1
    nau("rm", "keeps")
    assert volumes() == kept
    nau("create", "--name", "drops", "-v", "/anon", "-v", "named:/named", image, "true")
    nau("rm", "-v", "drops")
    assert volumes() == sorted(kept + ["named"])
    nau("run", "--rm", "-v", "/anon", "-v", "named:/named", image, "touch", "/anon/x")
    assert volumes() == sorted(kept + ["named"])


@test
def rm_depend_takes_what_shares_its_namespaces(nau):
    image = nau.image()
    nau("run", "-d", "--name", "base", image, "sleep", "1000")
    nau("run", "-d", "--name", "top", "--pid", "container:base", image, "sleep", "1000")
    nau("create", "--name", "other", image, "true")
    assert len(nau("rm", "-f", "--depend", "base").lines) == 2
    assert [c["Names"][0] for c in nau.json("ps", "-a")] == ["other"]


main()
