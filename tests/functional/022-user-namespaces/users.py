"""User namespaces: ids that mean something else outside, with layers and volumes that stay as they are."""

import os
import pathlib

from nautest import main, skip, test


def first_id_outside(nau, name):
    return int(pathlib.Path(f"/proc/{nau.pid(name)}/uid_map").read_text().split()[1])


def supported(nau):
    """Mapped layers need a file system below the store that can do it."""
    result = nau("run", "--rm", "--userns=auto", nau.image(), "true", status=None)
    if result.status != 0 and "map the ids" in result.err:
        skip("the file system of the store cannot map ids")
    assert result.status == 0, result.err


@test(needs=["root"])
def root_inside_is_nobody_in_particular_outside(nau):
    supported(nau)
    nau("run", "-d", "--name", "a", "--userns=auto", nau.image(), "sleep", "1000")
    nau("run", "-d", "--name", "b", "--userns=auto:size=1000", "--network=none", nau.image(), "sleep", "1000")
    first, second = first_id_outside(nau, "a"), first_id_outside(nau, "b")
    assert first >= 2 ** 31 and second >= 2 ** 31 and first != second
    assert os.stat(f"/proc/{nau.pid('a')}").st_uid == first
    assert nau("exec", "a", "id", "-u").out == "0\n"
    assert nau("exec", "b", "cat", "/proc/self/uid_map").out.split() == ["0", str(second), "1000"]
    assert nau.inspect("a")["HostConfig"]["UsernsMode"] == "auto"
    assert nau.inspect("a")["HostConfig"]["IDMappings"]["UidMap"] == [f"0:{first}:65536"]


@test(needs=["root"])
def files_keep_their_owners_inside_and_on_disk(nau):
    supported(nau)
    nau("run", "--name", "w", "--userns=auto", "-w", "/made/here", nau.image(), "sh", "-c",
        "stat -c %u /bin/sh /made/here /etc/hosts; echo x > /new; adduser -D -u 1000 u 2>/dev/null; touch /theirs; "
        "chown 1000:1000 /theirs; stat -c %u /new /theirs")
    assert nau("logs", "w").out.split() == ["0", "0", "0", "0", "1000"]
    upper = [p for p in (nau.root / "snapshots").glob("*/fs/theirs")]
    assert [p.stat().st_uid for p in upper] == [1000]
    # Started once more, with the same ids; copied from while it does not run.
    assert nau("start", "-a", "w").out.split()[-2:] == ["0", "1000"]
    assert nau("cp", "w:/new", "-").status == 0


@test(needs=["root"])
def files_are_copied_into_a_running_container(nau, tmp):
    supported(nau)
    nau("run", "-d", "--name", "c", "--userns=auto", "--user", "12:13", nau.image(), "sleep", "1000")
    (tmp / "d").mkdir()
    (tmp / "d" / "f").write_text("hi\n")
    nau("cp", str(tmp / "d"), "c:/tmp")
    assert nau("exec", "c", "stat", "-c", "%u:%g", "/tmp/d", "/tmp/d/f").lines == ["12:13", "12:13"]
    nau("cp", "c:/tmp/d/f", str(tmp / "back"))
    assert (tmp / "back").read_text() == "hi\n" and os.stat(tmp / "back").st_uid == 0


@test(needs=["root"])
def volumes_are_shared_between_containers_with_different_ids(nau):
    supported(nau)
    nau("run", "--rm", "--userns=auto", "-v", "data:/data", nau.image(), "sh", "-c", "echo hi > /data/f; chown 7:7 /data/f")
    assert nau("run", "--rm", "--userns=auto", "-v", "data:/data", nau.image(), "stat", "-c", "%u:%g", "/data/f").out == "7:7\n"
    assert nau("run", "--rm", "-v", "data:/data", nau.image(), "stat", "-c", "%u:%g", "/data/f").out == "7:7\n"


@test(needs=["root"])
def maps_can_be_given_and_shared(nau):
    supported(nau)
    nau("run", "-d", "--name", "m", "--uidmap", "0:200000:5000", "--gidmap", "0:300000:5000", nau.image(), "sleep", "1000")
    assert first_id_outside(nau, "m") == 200000
    assert nau.inspect("m")["HostConfig"]["IDMappings"]["GidMap"] == ["0:300000:5000"]
    assert nau("run", "--rm", "--userns", "container:m", nau.image(), "cat", "/proc/self/gid_map").out.split() == \
        ["0", "300000", "5000"]
    path = f"/proc/{nau.pid('m')}/ns/user"
    assert nau("run", "--rm", "--userns", "ns:" + path, nau.image(), "readlink", "/proc/self/ns/user").out.strip() == \
        os.readlink(path)
    assert nau("run", "--rm", "--userns=keep-id", nau.image(), "cat", "/proc/self/uid_map").out.split() == \
        ["0", "0", "4294967295"]


@test(needs=["root"])
def what_belongs_to_the_host_can_be_seen_from_a_user_namespace(nau):
    supported(nau)
    assert nau("run", "--rm", "--userns=auto", "--network=host", "--pid=host", "--ipc=host", nau.image(), "sh", "-c",
               "test -d /sys/class/net && test -d /proc/1 && id -u").out == "0\n"


@test(needs=["root"])
def wrong_words_are_refused(nau):
    for words, error in ((["--userns=nomap"], "nomap"), (["--userns=other"], "other"),
                         (["--userns=auto", "--uidmap=0:1:1"], "exclude"), (["--uidmap=x"], "INSIDE:OUTSIDE"),
                         (["--userns=container:none"], "none"), (["--subuidname=no-such-user"], "no-such-user")):
        nau.fails(125, "run", "--rm", *words, nau.image(), "true", error=error)
    assert not list((nau.root / "userns").glob("*")) if (nau.root / "userns").exists() else True


main()
