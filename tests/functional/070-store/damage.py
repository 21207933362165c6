"""A damaged database: told in a sentence, kept aside, rebuilt by the next command from what lies beside it."""

import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import time

from nautest import main, skip, test

PAGE = 4096


def settled(nau):
    """All of the log is in the database, and the upkeep is done."""
    nau("system", "upkeep")
    deadline = time.monotonic() + 20
    while os.listdir(nau.root / "trash") and time.monotonic() < deadline:
        time.sleep(0.02)
        nau("system", "upkeep")
    database = sqlite3.connect(nau.root / "nau.db")
    database.execute("pragma wal_checkpoint(truncate)")
    database.close()


def process_state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return f.read().rpartition(") ")[2][0]


def drop_log(nau):
    for suffix in ("-wal", "-shm"):
        (nau.root / f"nau.db{suffix}").unlink(missing_ok=True)


def aside(nau):
    return sorted(f for f in nau.root.glob("nau.db-damaged-*") if not f.name.endswith(("-wal", "-shm")))


class Life:
    """A store with one of everything, and what must be there again."""

    def __init__(self, nau, registry):
        self.nau = nau
        self.image = nau.image("busybox")
        nau("tag", self.image, "mine:1")
        nau("network", "create", "--label", "n=1", "net1")
        nau("volume", "create", "--label", "v=1", "data")
        nau("run", "--name", "ended", "--label", "a=b", "-v", "data:/data", "--network", "none", self.image, "sh", "-c",
            "echo kept > /file; echo kept > /data/file; echo said; exit 7", status=7)
        nau("create", "--name", "new", "--network", "none", self.image, "echo", "hello")
        self.alive = nau("run", "-d", "--name", "alive", "--network", "none", self.image, "sleep", "1000").word
        self.names = self.image_names()
        settled(nau)

    def image_names(self):
        return sorted(name for i in self.nau.json("images") for name in i["Names"])

    def check(self, has_old_answers):
        nau = self.nau
        assert self.image_names() == self.names
        states = dict(line.split(" ", 1) for line in nau("ps", "-a", "--format", "{{.Names}} {{.State}}").lines)
        assert states == {"alive": "running", "ended": "exited", "new": "created" if has_old_answers else "exited"}, states
        assert nau("volume", "ls", "-q").lines == ["data"]
        assert nau("run", "--rm", "--network", "none", "-v", "data:/data", self.image, "cat", "/data/file").out == "kept\n"
        if has_old_answers:
            assert nau("inspect", "--format", "{{.State.ExitCode}}", "ended").word == "7"
            assert "net1" in nau("network", "ls", "-q").out + nau("network", "ls").out
            assert nau("volume", "inspect", "data").json()[0]["Labels"] == {"v": "1"}
        # The layers below it are where they were, and it goes on reading and writing.
        assert nau("exec", "alive", "sh", "-c", "cat /bin/busybox | wc -c; echo x > /x").status == 0
        assert nau("start", "-a", "new").out == "hello\n"
        nau("start", "-a", "ended", status=7)
        nau("system", "upkeep")
        assert nau("exec", "alive", "cat", "/x").out == "x\n"
        assert nau("fsck", "-n").status == 0, nau("fsck", "-n", status=None)
        nau("rm", "-f", "-t", "0", "alive", "ended", "new")


def garbage_header(path):
    with path.open("r+b") as f:
        f.write(os.urandom(100))


def all_garbage(path):
    path.write_bytes(os.urandom(path.stat().st_size))


def emptied(path):
    path.write_bytes(b"")


def truncated(path):
    os.truncate(path, path.stat().st_size // PAGE // 2 * PAGE)


def cut_in_a_page(path):
    os.truncate(path, PAGE + 100)


def pages_behind_the_first(path):
    size = path.stat().st_size
    with path.open("r+b") as f:
        f.seek(PAGE)
        f.write(os.urandom(size - PAGE))


def schema_lost(path):
    database = sqlite3.connect(path)
    database.execute("pragma writable_schema = on")
    database.execute("delete from sqlite_master where name = 'containers'")
    database.commit()
    database.close()


def version_lost(path):
    database = sqlite3.connect(path)
    database.execute("pragma user_version = 0")
    database.commit()
    database.execute("pragma wal_checkpoint(truncate)")
    database.close()


def older_version_than_its_tables(path):
    database = sqlite3.connect(path)
    database.execute("pragma user_version = 1")
    database.commit()
    database.execute("pragma wal_checkpoint(truncate)")
    database.close()


def the_next_command_rescues(nau, registry, damage, has_old_answers):
    life = Life(nau, registry)
    drop_log(nau)
    damage(nau.root / "nau.db")
    drop_log(nau)
    damaged = (nau.root / "nau.db").read_bytes()
    shown = nau("ps", "-a", "--format", "{{.Names}}", status=None)
    if shown.status != 0:  # seen only while it worked
        assert "Error: read " in shown.err and "Hint: run the command again" in shown.err, shown
        shown = nau("ps", "-a", "--format", "{{.Names}}")
    assert shown.lines and sorted(shown.lines) == ["alive", "ended", "new"], shown
    kept = aside(nau)
    assert len(kept) == 1 and kept[0].read_bytes() == damaged, kept
    assert shown.err.count("\n") == 1 and f"kept it as {kept[0]}" in shown.err, shown
    assert "rebuilt it with 2 images, 3 containers, 1 volumes" in shown.err, shown
    assert "kept it as" not in nau("ps", "-a").err
    life.check(has_old_answers)
    assert len(aside(nau)) == 1
    assert not (nau.root / "nau.db-suspect").exists()


def make(name, damage):
    def function(nau, registry):
        the_next_command_rescues(nau, registry, damage, False)
    function.__name__ = name
    test(function)


for kind, damaged_by in {"a_header_of_garbage": garbage_header, "a_file_of_garbage": all_garbage, "an_emptied_file": emptied,
                         "a_truncated_file": truncated, "a_file_cut_in_a_page": cut_in_a_page,
                         "pages_overwritten_with_random_bytes": pages_behind_the_first, "a_lost_version": version_lost,
                         "a_table_that_is_gone": schema_lost,
                         "a_version_older_than_its_tables": older_version_than_its_tables}.items():
    make(kind, damaged_by)


def root_page(path, table):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    page = database.execute("select rootpage from sqlite_master where name = ?", (table,)).fetchone()[0]
    database.close()
    return page


@test
def one_table_only_and_the_rest_still_answers(nau, registry):
    """What the damaged file can still tell is taken over: networks, exit codes, labels of volumes."""

    def images_overwritten(path):
        page = root_page(path, "images")
        drop_log(nau)
        with path.open("r+b") as f:
            f.seek((page - 1) * PAGE)
            f.write(os.urandom(PAGE))

    life = Life(nau, registry)
    nau("create", "--name", "before", "--network", "none", life.image, "true")
    nau("rename", "before", "after")
    settled(nau)
    images_overwritten(nau.root / "nau.db")
    result = nau.fails(125, "images", error="nau.db: database disk image is malformed")
    assert "Hint: run the command again" in result.err
    assert (nau.root / "nau.db-suspect").exists() and aside(nau) == []
    result = nau("images", "-q")
    assert len(result.lines) == 1 and "1 volumes and 1 networks" in result.err, result
    nau("rm", "after")
    life.check(True)


@test
def a_command_that_writes_rescues_as_well_and_goes_on(nau, registry):
    Life(nau, registry)
    drop_log(nau)
    garbage_header(nau.root / "nau.db")
    result = nau("run", "--rm", "--network", "none", "mine:1", "echo", "works")
    assert result.out == "works\n" and "kept it as" in result.err, result
    nau("rm", "-f", "-t", "0", "alive")


@test
def a_false_alarm_changes_nothing(nau):
    nau.image("busybox")
    settled(nau)
    (nau.root / "nau.db-suspect").touch()
    inode = (nau.root / "nau.db").stat().st_ino
    assert nau("images", "-q").err == ""
    assert (nau.root / "nau.db").stat().st_ino == inode and aside(nau) == []
    assert not (nau.root / "nau.db-suspect").exists()


@test
def many_commands_at_once_make_one_new_database(nau, registry):
    life = Life(nau, registry)
    for damage in (garbage_header, all_garbage):
        settled(nau)
        drop_log(nau)
        damage(nau.root / "nau.db")
        commands = [nau.start("ps", "-a", "--format", "{{.Names}}") for _ in range(6)]
        commands += [nau.start("create", "--network", "none", life.image, "true") for _ in range(2)]
        results = [command.wait(status=0, timeout=120) for command in commands]
        told = [r for r in results if "kept it as" in r.err]
        assert len(told) == 1, [r.err for r in results]
        assert all({"alive", "ended", "new"} <= set(r.lines) for r in results[:6]), results
        assert len(aside(nau)) == 1
        aside(nau)[0].unlink()
    assert len(nau("ps", "-aq").lines) == 3 + 2 * 2
    nau("rm", "-f", "-t", "0", "alive")


@test
def who_has_the_old_one_open_does_not_write_into_it(nau, registry):
    """Its names would be lost; so it says that it has to be done again."""
    image = nau.image("busybox")
    settled(nau)
    late = nau.start("tag", image, "late:1", env={"NAU_FAIL_POINT": "db.commit.before=stop"})
    deadline = time.monotonic() + 10
    while (state := process_state(late.pid)) != "T":
        if state == "Z" or time.monotonic() > deadline:
            skip("this build has no fail points")
        time.sleep(0.01)
    garbage_header(nau.root / "nau.db")
    assert "kept it as" in nau("images", "-q").err
    os.kill(late.pid, signal.SIGCONT)
    result = late.wait(status=125)
    assert "another command has replaced it meanwhile" in result.err and "Hint: run the command again" in result.err, result
    assert nau("image", "exists", "late:1", status=1)
    nau("tag", image, "late:1")
    assert nau("image", "exists", "late:1")


@test(timeout=240)
def killed_at_every_step_of_the_rescue(nau, registry, tmp):
    life = Life(nau, registry)

    def damage():
        settled(nau)
        drop_log(nau)
        garbage_header(nau.root / "nau.db")

    damage()
    log = tmp / "points"
    nau("ps", "-a", env={"NAU_FAIL_POINT_LOG": str(log)})
    if not log.exists():
        skip("this build has no fail points")
    passed, points = {}, []
    for point in log.read_text().split():
        passed[point] = passed.get(point, 0) + 1
        points.append(f"{point}@{passed[point]}")
    assert {"db.replace.after_move@1", "db.replace.after_move@2", "db.create.before_rename@1", "rebuild.before_commit@1"} <= set(points), points
    for point in points:
        damage()
        assert nau("ps", "-a", env={"NAU_FAIL_POINT": f"{point}=kill"}, status=None).status == -9, point
        assert sorted(nau("ps", "-a", "--format", "{{.Names}}").lines) == ["alive", "ended", "new"], point
        assert nau("exec", "alive", "ls", "/bin/sh").out == "/bin/sh\n", point
        assert life.image_names() == life.names, point
        for file in nau.root.glob("nau.db-damaged-*"):
            file.unlink()
    left = {f.name for f in nau.root.glob("nau.db*") if not f.name.endswith(("-wal", "-shm"))}
    assert left <= {"nau.db", "nau.db-create"}, left  # the lock of who was killed last
    assert nau("fsck", "-n").status == 0
    nau("rm", "-f", "-t", "0", "alive")


# --- the log


def with_log(nau):
    """Names and a container are in the log only."""
    image = nau.image("busybox")
    settled(nau)
    nau("tag", image, "mine:1")
    nau("create", "--name", "kept", "--network", "none", image, "echo", "hello")
    log = nau.root / "nau.db-wal"
    assert log.stat().st_size > 32 + 24 + PAGE
    return image, log


def rescued(nau, error):
    result = nau("ps", "-a", "--format", "{{.Names}}")
    assert result.lines == ["kept"] and error in result.err and "kept it as" in result.err, result
    assert sorted(n for i in nau.json("images") for n in i["Names"])[-1].endswith("mine:1")
    assert nau("start", "-a", "kept").out == "hello\n"
    assert nau("fsck", "-n").status == 0
    assert aside(nau)[0].with_name(aside(nau)[0].name + "-wal").exists()


@test
def a_log_with_a_header_of_garbage(nau):
    _, log = with_log(nau)
    with log.open("r+b") as f:
        f.write(os.urandom(32))
    rescued(nau, "the header of the log is damaged")


@test
def a_log_that_is_all_garbage(nau):
    _, log = with_log(nau)
    log.write_bytes(os.urandom(log.stat().st_size))
    rescued(nau, "the header of the log is damaged")


@test
def a_log_damaged_before_its_end(nau):
    _, log = with_log(nau)
    with log.open("r+b") as f:
        f.seek(32 + 24 + 1000)
        f.write(os.urandom(64))
    rescued(nau, "the log is damaged before its end")


@test
def a_log_of_another_database(nau, tmp):
    """Replayed into this one it leaves pages that do not belong together."""
    image = nau.image("busybox")
    nau("create", "--name", "kept", "--network", "none", image, "echo", "hello")
    settled(nau)
    drop_log(nau)
    words = ("--root", str(tmp / "other"), "--runroot", str(tmp / "other-run"))
    for i in range(30):
        nau(*words, "volume", "create", f"v{i}")
    shutil.copy(tmp / "other/nau.db-wal", nau.root / "nau.db-wal")
    nau("ps", "-a", status=None)
    nau("fsck")
    assert nau("ps", "-a", "--format", "{{.Names}}").lines == ["kept"]
    assert nau("start", "-a", "kept").out == "hello\n"
    assert nau("fsck", "-n").status == 0


@test
def a_torn_end_of_the_log_is_no_damage(nau):
    """That is what a killed command leaves."""
    _, log = with_log(nau)
    nau("volume", "create", "last")
    os.truncate(log, log.stat().st_size - 100)
    assert nau("ps", "-a", "--format", "{{.Names}}").lines == ["kept"]
    assert aside(nau) == []
    header = log.read_bytes()[:32]
    with log.open("ab") as f:  # the frame of a commit that was never finished
        size = 32 + (log.stat().st_size - 32) // (24 + PAGE) * (24 + PAGE)
        os.truncate(log, size)
        f.write(struct.pack(">II", 2, 0) + header[16:24] + b"\0" * 8 + b"x" * PAGE)
    assert nau("ps", "-a").err == "" and aside(nau) == []


# --- fsck


@test
def fsck_names_what_the_integrity_check_finds_and_repairs_it(nau, registry):
    life = Life(nau, registry)
    path = nau.root / "nau.db"
    page = root_page(path, "images")
    drop_log(nau)
    with path.open("r+b") as f:
        f.seek((page - 1) * PAGE)
        f.write(os.urandom(PAGE))
    before = path.read_bytes()
    result = nau("fsck", "-n", status=1)
    assert "damaged: " in result.out and "nau.db" in result.out + result.err, result
    assert path.read_bytes() == before and aside(nau) == []
    out = nau("fsck").out
    assert f"repair: database: kept it as {aside(nau)[0]} and rebuilt it with 2 images" in out, out
    life.check(True)


@test
def fsck_finds_what_no_command_notices(nau):
    """An index that lacks a row: all answers look right but one."""
    image = nau.image("busybox")
    nau("create", "--name", "kept", "--network", "none", image, "echo", "hello")
    settled(nau)
    database = sqlite3.connect(nau.root / "nau.db")
    name, = database.execute("select name from sqlite_master where type = 'index' and tbl_name = 'images'").fetchone()
    page, = database.execute("select rootpage from sqlite_master where name = ?", (name,)).fetchone()
    database.close()
    drop_log(nau)
    with (nau.root / "nau.db").open("r+b") as f:
        f.seek((page - 1) * PAGE)
        f.write(b"\x0a" + struct.pack(">HHHB", 0, 0, PAGE, 0))
    assert "missing from index" in nau("fsck", "-n", status=1).out
    assert "rebuilt it" in nau("fsck").out
    assert nau("fsck", "-n").status == 0
    assert nau("image", "exists", image).status == 0
    assert nau("start", "-a", "kept").out == "hello\n"


@test(needs=["root", "mount"])
def a_store_that_cannot_be_written_is_left_as_it_is(nau, tmp):
    disk = tmp / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=False).returncode != 0:
        skip("cannot mount a tmpfs")
    try:
        nau.root = disk / "root"
        nau.image("busybox")
        settled(nau)
        drop_log(nau)
        garbage_header(nau.root / "nau.db")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        result = nau.fails(125, "images", error="file is not a database")
        assert "Hint: the first command that may write" in result.err, result
        assert aside(nau) == []
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert len(nau("images", "-q").lines) == 1
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


main()
