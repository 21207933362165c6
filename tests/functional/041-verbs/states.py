"""Verbs in the wrong state, names that fit none or several, two verbs on one container, another boot, very many."""

import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import time

from nautest import main, skip, test


def state(nau, name):
    return nau("inspect", "--format", "{{.State.Status}}", name).word


VERBS = ("start", "stop", "kill", "pause", "unpause", "wait", "rm", "exec", "attach", "top", "port", "logs", "inspect", "diff", "mount",
         "unmount", "restart", "init", "update", "commit", "export", "stats", "healthcheck run", "cp")


@test
def a_name_that_fits_nothing_is_named_by_every_verb(nau):
    nau.image()
    words = {"exec": ["nosuch", "true"], "cp": ["nosuch:/x", "/tmp/never"], "commit": ["nosuch", "image:1"], "stats": ["--no-stream", "nosuch"],
             "export": ["-o", "/dev/null", "nosuch"], "update": ["--memory", "64m", "nosuch"]}
    for verb in VERBS:
        done = nau(*verb.split(), *words.get(verb, ["nosuch"]), status=None)
        assert done.status == (1 if verb == "rm" else 125), (verb, done)
        assert "nosuch" in done.err and done.err.startswith("Error: "), (verb, done.err)
        assert done.err.count("Error: ") == 1, (verb, done.err)
    nau.fails(125, "rename", "nosuch", "other", error="nosuch")


@test
def a_prefix_of_several_ids_is_refused_by_every_verb(nau):
    image = nau.image()
    ids = {}
    for _ in range(40):  # sixteen first digits: two of the first seventeen share one
        c = nau("create", "--name", f"n{len(ids)}", image, "true").word
        ids[c] = c[0]
        if list(ids.values()).count(c[0]) > 1:
            break
    prefix = c[0]
    for verb in (["start"], ["stop"], ["rm"], ["inspect"], ["mount"], ["logs"], ["wait"]):
        done = nau(*verb, prefix, status=None)
        assert done.status in (1, 125) and f"'{prefix}'" in done.err, (verb, done)
    assert len(nau("ps", "-aq").lines) == len(ids)


@test(needs=["root", "cgroup:freezer"])
def verbs_in_the_wrong_state_say_what_it_is(nau):
    image = nau.image()
    nau("create", "--name", "new", image, "true")
    nau("run", "--name", "done", image, "true")
    nau("run", "-d", "--name", "up", image, "sleep", "1000")
    nau("run", "-d", "--name", "cold", image, "sleep", "1000")
    nau("pause", "cold")
    for name, word in (("new", "created"), ("done", "exited")):
        nau.fails(125, "exec", name, "true", error=f"not running.*{word}")
        nau.fails(125, "pause", name, error=f"not running.*{word}")
        nau.fails(125, "unpause", name, error=f"not running.*{word}")
        nau.fails(125, "kill", name, error=f"not running.*{word}")
        nau.fails(125, "top", name, error=f"not running.*{word}")
        nau.fails(125, "attach", name, error="not running")
        assert nau("stop", name).word == name, "what does not run is stopped already"
    nau.fails(125, "unpause", "up", error="not paused")
    nau.fails(2, "rm", "up", error="running")
    nau.fails(125, "init", "up", error="running")
    assert nau("start", "up").word == "up", "a start of what runs is done"
    nau.fails(125, "exec", "cold", "true", error="paused")
    nau.fails(125, "pause", "cold", error="already paused")
    nau.fails(125, "start", "cold", error="paused")
    nau.fails(125, "attach", "cold", error="paused")
    nau.fails(2, "rm", "cold", error="paused")
    assert [state(nau, n) for n in ("new", "done", "up", "cold")] == ["created", "exited", "running", "paused"]
    nau("rm", "-f", "-t0", "up", "cold")


@test(needs=["root"], timeout=240)
def two_verbs_at_once_leave_a_state_that_one_of_them_made(nau):
    image = nau.image()
    pairs = [(["start", "c"], ["start", "c"], {"running"}),
             (["start", "c"], ["rm", "-f", "-t0", "c"], {"gone"}),
             (["rm", "c"], ["rm", "c"], {"gone"}),
             (["rename", "c", "d"], ["rename", "c", "e"], {"renamed"})]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for first, second, wanted in pairs:
            nau("create", "--name", "c", image, "sleep", "1000")
            done = list(pool.map(lambda words: nau(*words, status=None), (first, second)))
            names = nau("ps", "-a", "--format", "{{.Names}} {{.State}}").lines
            if wanted == {"gone"}:
                # A start that came first was ended; one that came last found nothing.
                assert names == [] and 0 in [d.status for d in done], (first, second, done, names)
            elif wanted == {"running"}:
                assert names == ["c running"] and [d.status for d in done] == [0, 0], (done, names)
            else:
                assert sorted(d.status for d in done) == [0, 125] and names in (["d created"], ["e created"]), (done, names)
            for line in names:
                nau("rm", "-f", "-t0", line.split()[0])


def lose_power(nau, *names):
    """As after a boot: the processes, the run root and the mounts are gone; the database is of another boot."""
    for name in names:
        about = nau.inspect(name)["State"]
        for pid in (about["ConmonPid"], about["Pid"]):
            os.kill(pid, signal.SIGKILL)
        while os.path.exists(f"/proc/{about['Pid']}"):
            time.sleep(0.01)
    for entry in pathlib.Path(nau.runroot).iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    with contextlib.closing(sqlite3.connect(nau.root / "nau.db")) as db:
        db.execute("UPDATE meta SET value = 'another' WHERE name = 'boot_id'")
        db.execute("UPDATE containers SET boot_id = 'another' WHERE boot_id != ''")
        db.commit()


@test(needs=["root", "mount"])
def what_another_boot_has_left_is_settled(nau):
    image = nau.image()
    nau("run", "-d", "--name", "up", image, "sleep", "1000")
    nau("create", "--name", "mounted", image, "true")
    nau("mount", "mounted")
    nau("image", "mount", image)
    nau("umount", "-a")
    subprocess.run(["umount", nau("image", "mount", "--format", "{{.mountpoint}}").word], check=True)
    lose_power(nau, "up")
    assert nau("mount").out == "" and nau("image", "mount").out == ""
    assert state(nau, "up") == "exited"
    nau.fails(125, "unmount", "mounted", error="not mounted")
    nau("unmount", nau("mount", "mounted").word.split("/")[-1])
    assert nau("start", "up").word == "up"
    nau("exec", "up", "true")
    nau("rm", "-f", "-t0", "up", "mounted")


@test(timeout=600)
def ten_thousand_created_containers_are_listed(nau):
    """Takes minutes: only where NAU_TEST_MANY says how many."""
    count = int(os.environ.get("NAU_TEST_MANY", "0"))
    if count == 0:
        skip("takes minutes: set NAU_TEST_MANY to a number of containers")
    image = nau.image()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: nau("create", "--name", f"n{i}", image, "true"), range(count)))
    assert len(nau("ps", "-aq").lines) == count
    assert nau("ps", "-a", "--filter", f"name=^n{count - 1}$", "--format", "{{.Names}}").word == f"n{count - 1}"
    assert len(nau("rm", "-a").lines) == count


main()
