"""Damage to the store is found, named and mended: blobs, layers, the database; bad disks and foreign stores are no riddle."""

import os
import shutil
import sqlite3
import subprocess
import time

from nautest import main, skip, test


def blob_directory(nau):
    return nau.root / "content/blobs/sha256"


def largest_blob(nau):
    return max(blob_directory(nau).iterdir(), key=lambda f: f.stat().st_size)


def layer_file(nau, name):
    return next(p for p in (nau.root / "snapshots").glob(f"*/fs/{name}"))


def settled(nau):
    nau("system", "upkeep")
    deadline = time.monotonic() + 20
    while os.listdir(nau.root / "trash") and time.monotonic() < deadline:
        time.sleep(0.02)
        nau("system", "upkeep")


def lose_database(nau):
    settled(nau)
    for suffix in ("", "-wal", "-shm"):
        (nau.root / f"nau.db{suffix}").unlink(missing_ok=True)


def runs(nau, image, text="works"):
    assert nau("run", "--rm", "--network", "none", "--pull", "never", image, "echo", text).out == text + "\n"


@test
def a_sound_store_has_no_findings(nau, registry):
    for name in ("busybox", "layers8", "sparse", "debian"):
        nau("pull", "-q", registry.add(name))
    nau("create", nau.image("busybox"), "true")
    result = nau("fsck", "-n")
    assert "damaged" not in result.out and "4 images, 1 containers checked" in result.out, result


@test
def a_damaged_blob_comes_again_alone(nau):
    image = nau.image("busybox")
    blob = largest_blob(nau)
    before = {f.name: f.stat().st_mtime_ns for f in blob_directory(nau).iterdir() if f != blob}
    with blob.open("r+b") as f:
        f.seek(1000)
        f.write(b"XXXX")
    assert f"damaged: blob sha256:{blob.name}" in nau("fsck", "-n", status=1).out
    assert nau("system", "check", status=1).out.startswith("damaged:")
    assert nau("fsck", "-n", "--quick").status == 0
    out = nau("fsck").out
    assert "threw the damaged bytes away" in out and "fetched what was missing" in out, out
    after = {f.name: f.stat().st_mtime_ns for f in blob_directory(nau).iterdir() if f != blob}
    assert before.keys() == after.keys() and blob.exists()
    assert len(nau.json("images")) == 1 and nau.json("images")[0]["Names"] == [image]
    assert nau("fsck", "-n").status == 0
    runs(nau, image)


@test
def a_missing_manifest_or_config_comes_again(nau):
    image = nau.image("busybox")
    small = [f for f in blob_directory(nau).iterdir() if f.stat().st_size < 5000]
    assert len(small) == 2
    for blob in small:
        blob.unlink()
    assert nau("fsck", "-n", status=1).out.count("is not in the store") == 2
    nau("fsck")
    assert sorted(f.name for f in small) == sorted(
        f.name for f in blob_directory(nau).iterdir() if f.stat().st_size < 5000)
    runs(nau, image)


@test
def what_cannot_be_fetched_is_left_and_named(nau, registry):
    image = nau.image("busybox")
    nau.env["http_proxy"] = "http://127.0.0.1:1"
    nau.env["HTTP_PROXY"] = "http://127.0.0.1:1"
    blob = largest_blob(nau)
    blob.unlink()
    database = sqlite3.connect(nau.root / "nau.db")
    database.execute("update images set name = '127.0.0.1:1/gone/image:latest'")
    database.commit()
    database.close()
    out = nau("fsck", status=1, timeout=120).out
    assert "not repaired" in out and f"left: image 127.0.0.1:1/gone/image:latest: its layer sha256:{blob.name}" in out, out
    assert image not in out


@test
def a_cut_layer_is_unpacked_again_from_its_blob(nau):
    image = nau.image("busybox")
    layer_file(nau, "bin/busybox").write_bytes(b"")
    out = nau("fsck", "-n", status=1).out
    assert "damaged: layer sha256:" in out and "bytes" in out, out
    out = nau("fsck").out
    assert "unpacked what was missing" in out, out
    runs(nau, image)
    shutil.rmtree(layer_file(nau, "bin/busybox").parent)
    assert "files are there" in nau("system", "check", "--repair").out
    runs(nau, image)


@test
def changed_content_of_a_layer_is_found_by_a_deep_check(nau):
    image = nau.image("layers8")
    name = nau.image("busybox")
    assert nau("fsck", "-n", "--deep").status == 0
    shell = layer_file(nau, "bin/busybox")
    status = shell.stat()
    with shell.open("r+b") as f:
        f.seek(5000)
        f.write(b"XXXX")
    os.utime(shell, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert nau("fsck", "-n").status == 0  # neither a file nor a byte is missing
    result = nau("fsck", "-n", "--deep", status=1)
    assert "/bin/busybox has other content" in result.out, result
    result = nau("fsck", "--deep")
    assert "threw the damaged tree away" in result.out, result
    assert nau("fsck", "-n", "--deep").status == 0
    runs(nau, name)
    os.chmod(layer_file(nau, "bin/busybox"), 0o700)
    assert "/bin/busybox has another type, mode, owner" in nau("fsck", "-n", "--deep", status=1).out
    nau("rmi", image, name)


@test
def a_container_keeps_its_files_when_its_layer_is_repaired(nau):
    image = nau.image("busybox")
    c = nau("run", "-d", "--network", "none", image, "sh", "-c", "[ -e /file ] || echo mine > /file; sleep 1000").word
    while nau("exec", c, "cat", "/file", status=None).out != "mine\n":
        pass
    nau("stop", "-t", "0", c)
    shutil.rmtree(next((nau.root / "snapshots").glob("*/fs/bin")).parent)
    nau("rmi", "-f", image)
    nau("system", "upkeep")
    assert "its layers are unpacked" in nau("fsck").out
    nau("start", c)
    assert nau("exec", c, "cat", "/file").out == "mine\n"


@test
def a_lost_database_is_rebuilt(nau, registry):
    image = nau.image("busybox")
    other = registry.add("layers8")
    nau("pull", "-q", other)
    nau("tag", image, "mine:1")
    c = nau("run", "--name", "web", "--label", "a=b", "-v", "data:/data", "--network", "none", image, "sh", "-c",
            "echo kept > /file; echo kept > /data/file; echo said", status=0)
    assert c.out == "said\n"
    alive = nau("run", "-d", "--name", "alive", "--network", "none", image, "sleep", "1000").word
    names = sorted(name for i in nau.json("images") for name in i["Names"])
    lose_database(nau)
    result = nau("ps", "-a", "--format", "{{.Names}} {{.State}} {{.Label \"a\"}}", status=None)
    if result.status != 0:
        result = nau("ps", "-a", "--format", "{{.Names}} {{.State}}")
    assert "rebuilt it with 3 images, 2 containers and 1 volumes" in result.err or \
        "rebuilt" in result.err or result.lines, result
    assert sorted(line.split()[:2] for line in result.lines) == [["alive", "running"], ["web", "exited"]], result
    assert sorted(name for i in nau.json("images") for name in i["Names"]) == names
    nau("exec", alive, "true")
    nau("rm", "-f", alive)
    assert nau("start", "-a", "web").out == "said\n"
    assert nau("logs", "web").out == "said\nsaid\n"
    assert nau("run", "--rm", "--network", "none", "-v", "data:/data", image, "cat", "/data/file").out == "kept\n"
    assert nau("fsck").out.count("left:") == 0
    assert nau("fsck", "-n").status == 0
    runs(nau, other)
    nau("rm", "web")
    assert nau("ps", "-aq").lines == []


@test
def a_store_of_a_newer_nau_is_refused_and_not_touched(nau):
    nau.image("busybox")
    settled(nau)
    database = sqlite3.connect(nau.root / "nau.db")
    version = database.execute("pragma user_version").fetchone()[0]
    database.execute("pragma user_version = 999")
    database.commit()
    database.execute("pragma wal_checkpoint(truncate)")
    database.close()
    before = (nau.root / "nau.db").read_bytes()
    for command in (["ps"], ["images"], ["system", "df"], ["system", "prune", "-f"], ["fsck"]):
        nau.fails(125, *command, error="schema has version 999")
    assert (nau.root / "nau.db").read_bytes() == before
    database = sqlite3.connect(nau.root / "nau.db")
    database.execute(f"pragma user_version = {version}")
    database.commit()
    database.close()


def small_disk(tmp, size, kind="tmpfs", block_size=4096):
    disk = tmp / "disk"
    disk.mkdir()
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    else:
        image = tmp / "image"
        subprocess.run(["truncate", "-s", size, str(image)], check=True)
        if subprocess.run([f"mkfs.{kind}", "-q", "-m", "0", "-b", str(block_size), str(image)], stderr=subprocess.DEVNULL).returncode != 0:
            skip(f"cannot make {kind}")
        command = ["mount", "-o", "loop", str(image), str(disk)]
    if subprocess.run(command, stderr=subprocess.DEVNULL).returncode != 0:
        skip(f"cannot mount a {kind}")
    return disk


def fill(disk):
    with open(disk / "filler", "wb") as f:
        for size in (1 << 20, 4096, 512, 1):
            block = b"x" * size
            try:
                while True:
                    os.write(f.fileno(), block)
            except OSError:
                pass


def removal_on_a_full_disk(nau, tmp, kind, block_size=4096):
    disk = small_disk(tmp, "64m", kind, block_size)
    try:
        nau.root = disk / "root"
        image = nau.image("busybox")
        c = nau("create", "--network", "none", image, "true").word
        others = [nau("create", "--network", "none", image, "true").word for _ in range(20)]
        settled(nau)
        for suffix in ("-shm",):
            (nau.root / f"nau.db{suffix}").unlink(missing_ok=True)  # as after a boot
        nau("gc")
        (nau.root / "nau.db-shm").unlink(missing_ok=True)
        fill(disk)
        assert len(nau("ps", "-aq").lines) == 21
        nau.fails(125, "create", "--network", "none", "--label", "big=" + "x" * 100_000, image, error="[Nn]o space")
        nau("rm", c)
        nau("rm", *others)
        nau("rmi", image)
        out = nau("system", "prune", "-a", "-f").out
        assert "Total reclaimed space" in out
        os.unlink(disk / "filler")
        nau("system", "upkeep")
        assert (nau.root / "reserve").stat().st_blocks > 0
        nau("fsck", "-n")
        runs(nau, nau.image("busybox"))
        settled(nau)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@test(needs=["root", "mount"])
def things_can_be_removed_from_a_full_tmpfs(nau, tmp):
    removal_on_a_full_disk(nau, tmp, "tmpfs")


@test(needs=["root", "mount"])
def things_can_be_removed_from_a_full_ext4(nau, tmp):
    removal_on_a_full_disk(nau, tmp, "ext4")


@test(needs=["root", "mount"])
def things_can_be_removed_from_a_full_ext4_with_small_blocks(nau, tmp):
    removal_on_a_full_disk(nau, tmp, "ext4", block_size=1024)


@test(needs=["root", "mount"])
def a_read_only_store_can_be_read(nau, tmp):
    disk = small_disk(tmp, "64m")
    try:
        nau.root = disk / "root"
        image = nau.image("busybox")
        nau("create", "--name", "one", "--network", "none", image, "true")
        time.sleep(0.2)
        nau("system", "upkeep")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert nau("images", "--format", "{{.Repository}}").lines == [image.rpartition(":")[0]]
        assert nau("ps", "-a", "--format", "{{.Names}}").lines == ["one"]
        assert nau.json("image", "inspect", image)[0]["Id"]
        assert nau("fsck", "-n").status == 0
        assert nau("system", "df").lines[0].startswith("TYPE")
        for command in (["create", image], ["rm", "one"], ["rmi", "-f", image], ["system", "prune", "-f"], ["pull", image]):
            nau.fails(125, *command, error="[Rr]ead-only")
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        nau("rm", "one")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


main()
