"""Listings wait for nobody: not for a pull, not for a removal, not for whoever holds the database or the store."""

import os
import signal
import sqlite3
import subprocess
import time

from nautest import main, skip, test

LISTINGS = (["ps", "-a"], ["images"], ["system", "df"], ["info"])


def stopped_at(nau, point, *words):
    """A command that has stopped itself at a fail point."""
    process = subprocess.Popen(nau.argv(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env={**nau.env, "NAU_FAIL_POINT": f"{point}@1=stop"})
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            skip(f"this build has no fail point {point}")
        with open(f"/proc/{process.pid}/stat") as f:
            if f.read().rpartition(")")[2].split()[0] == "T":
                return process
        time.sleep(0.005)
    raise AssertionError(f"{words} did not come to {point}")


def listings_work_while(nau, process, end=signal.SIGCONT):
    try:
        for words in LISTINGS:
            assert nau(*words, timeout=20).status == 0
    finally:
        process.send_signal(end)
        process.wait(60)


@test
def while_a_pull_stands_still(nau, registry):
    nau.image("busybox")
    for point in ("content.publish.before_rename", "db.commit.before", "snapshots.commit.before"):
        other = registry.add("layers8")
        listings_work_while(nau, stopped_at(nau, point, "pull", "-q", other), end=signal.SIGKILL)
        nau("system", "prune", "-f")


@test
def while_a_removal_holds_the_write_lock(nau):
    image = nau.image("busybox")
    nau("create", "--name", "one", "--network", "none", image, "true")
    listings_work_while(nau, stopped_at(nau, "db.commit.before", "rm", "one"))
    assert nau("ps", "-aq").lines == []
    listings_work_while(nau, stopped_at(nau, "gc.sweep.after_mark", "system", "prune", "-f"))


@test
def while_somebody_else_writes(nau):
    nau.image("busybox")
    database = sqlite3.connect(nau.root / "nau.db", isolation_level=None)
    database.execute("begin immediate")
    try:
        for words in LISTINGS:
            assert nau(*words, timeout=20).status == 0
    finally:
        database.execute("rollback")
        database.close()


@test
def no_file_is_opened_for_a_container_that_does_not_run(nau, tmp):
    if not os.access("/usr/bin/strace", os.X_OK):
        skip("needs strace")
    image = nau.image("busybox")
    # The leak checker traces the process itself, which cannot be traced twice.
    env = {**nau.env, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}

    def opened():
        log = tmp / "strace"
        subprocess.run(["strace", "-f", "-e", "trace=openat,open", "-o", str(log), *nau.argv("ps", "-a")],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env, check=True)
        return sum(str(nau.base) in line or str(nau.runroot) in line for line in log.read_text().splitlines())

    nau("create", "--network", "none", image, "true")
    few = opened()
    for _ in range(10):
        nau("create", "--network", "none", image, "true")
    assert opened() == few


main()
