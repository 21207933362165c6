"""Disk usage, pruning and the rules by which images and containers are removed."""

import os
import re
import signal
import subprocess
import threading
import time

from nautest import FakeRegistry, Layer, layout, main, test, write_image


def du(path):
    return int(subprocess.run(["du", "-s", "--block-size=1", str(path)], stdout=subprocess.PIPE, check=True).stdout.split()[0])


def total(nau):
    return nau("system", "df", "-v", "--format", "json").json()["TotalSize"]


def settled(nau):
    """The store once the upkeep that a command has started is through."""
    nau("system", "upkeep")
    deadline = time.monotonic() + 20
    while os.listdir(nau.root / "trash") and time.monotonic() < deadline:
        time.sleep(0.02)
        nau("system", "upkeep")
    assert os.listdir(nau.root / "trash") == []


def assert_df_is_du(nau):
    before, said, after = du(nau.root), total(nau), du(nau.root)
    assert min(before, after) * 0.99 <= said <= max(before, after) * 1.01, (before, said, after)


def blobs(nau):
    return sorted(os.listdir(nau.root / "content/blobs/sha256"))


@test
def df_says_what_du_says(nau, registry):
    image = nau.image("layers8")
    assert_df_is_du(nau)
    nau("run", "--name", "writer", "--network", "none", nau.image("busybox"), "sh", "-c",
        "dd if=/dev/zero of=/file bs=1M count=5; yes logged line | head -c 300000")
    nau("run", "--network", "none", "-v", "data:/data", image, "cp", "-r", "/bin", "/data", status=None)
    assert_df_is_du(nau)
    report = nau("system", "df", "-v", "--format", "json").json()
    written = next(c for c in report["Containers"] if c["Names"] == "writer")
    assert 5 << 20 <= written["Size"] <= 6 << 20, written
    assert written["LogSize"] >= 300_000, written
    lines = {row["Type"]: row for row in nau.json("system", "df")}
    assert lines["Containers"]["TotalCount"] == 2 and lines["Containers"]["Active"] == 0
    assert lines["Containers"]["RawReclaimable"] >= 5 << 20
    assert lines["Container Logs"]["RawSize"] >= 300_000
    assert lines["Images"]["TotalCount"] == 2


@test
def partial_downloads_are_counted_and_pruned(nau):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/image")

        half_way, go_on = threading.Event(), threading.Event()

        def stall(handler, method, path):
            data = fake.blobs.get(path.rpartition("/")[2], b"") if method == "GET" else b""
            if len(data) < 100_000:
                return False
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data[: len(data) // 2])
            handler.wfile.flush()
            half_way.set()
            go_on.wait(30)
            return True

        fake.hook = stall
        pull = nau.start("pull", "-q", reference)
        assert half_way.wait(20)
        deadline = time.monotonic() + 20
        while not any(f.stat().st_size > 100_000 for f in (nau.root / "content/ingest").iterdir()):
            assert time.monotonic() < deadline
        pull.signal(signal.SIGKILL)
        pull.wait(status=None)
        go_on.set()
    partial = {row["Type"]: row for row in nau.json("system", "df")}["Partial Downloads"]
    assert partial["TotalCount"] == 1 and partial["RawSize"] > 100_000, partial
    assert_df_is_du(nau)
    nau("system", "prune", "-f")
    assert os.listdir(nau.root / "content/ingest") == [] and blobs(nau) == []
    assert_df_is_du(nau)


@test
def system_prune_frees_what_it_says(nau, registry):
    image = nau.image("busybox")
    nau("pull", "-q", registry.add("layers8"))
    nau("run", "--network", "none", image, "dd", "if=/dev/zero", "of=/file", "bs=1M", "count=8")
    keep = nau("run", "-d", "--network", "none", image, "sleep", "1000").word
    settled(nau)
    before = du(nau.root)
    out = nau("system", "prune", "-a", "-f").out
    freed = before - du(nau.root)
    said = re.search(r"Total reclaimed space: ([0-9.]+) (\w+)", out)
    bytes_said = float(said[1]) * {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[said[2]]
    assert freed > 8 << 20 and abs(bytes_said - freed) < 0.02 * freed + 70_000, (out, freed)
    assert "Deleted Containers" in out and "Deleted Images" in out
    assert nau("ps", "-aq", "--no-trunc").lines == [keep]
    assert len(nau("images", "-q").lines) == 1
    nau("exec", keep, "true")
    nau("rm", "-f", keep)
    nau("system", "prune", "-a", "-f", "--volumes")
    assert blobs(nau) == [] and os.listdir(nau.root / "snapshots") == []


@test
def prune_asks_and_takes_no_for_an_answer(nau):
    nau("create", nau.image("busybox"), "true")
    for command in (["system", "prune"], ["image", "prune", "-a"], ["container", "prune"]):
        result = nau(*command, input="n\n")
        assert "[y/N]" in result.err and result.out == "", result
        nau(*command)  # the end of the input is no
    assert len(nau("ps", "-aq").lines) == 1 and len(nau("images", "-q").lines) == 1
    nau("container", "prune", input="y\n")
    assert nau("ps", "-aq").lines == []


@test
def image_prune_filters(nau, registry, tmp):
    write_image(tmp / "i", [Layer().file("a", "b")], config={"Labels": {"keep": "yes"}})
    reference = registry.push(tmp / "i", "test/labelled")
    nau("pull", "-q", reference)
    nau("pull", "-q", registry.add("layers8"))
    nau("image", "prune", "-f")
    assert len(nau("images", "-q").lines) == 2
    nau("image", "prune", "-a", "-f", "--filter", "label!=keep")
    assert [i["Names"] for i in nau.json("images")] == [[reference]]
    nau("image", "prune", "-a", "-f", "--filter", "until=1990-01-01")
    assert len(nau("images", "-q").lines) == 1
    nau.fails(125, "image", "prune", "-f", "--filter", "colour=red", error="unknown filter 'colour'")
    deleted = nau("image", "prune", "-a", "-f", "--filter", "label=keep=yes").lines
    assert len(deleted) == 1 and deleted[0].startswith("sha256:")
    assert nau("images", "-q").lines == []


@test
def a_shared_layer_outlives_one_of_its_images(nau, registry, tmp):
    base = Layer().file("base", "b" * 5000)
    for name in ("one", "two"):
        write_image(tmp / name, [base, Layer().file(name, name)])
        nau("pull", "-q", registry.push(tmp / name, f"test/{name}"))
    report = nau("system", "df", "-v", "--format", "json").json()["Images"]
    assert all(image["SharedSize"] > 5000 and image["UniqueSize"] > 0 for image in report), report
    before = len(blobs(nau))
    nau("rmi", registry.reference("test/one"))
    settled(nau)
    assert len(blobs(nau)) == before - 3  # manifest, config and its own layer
    assert len(os.listdir(nau.root / "snapshots")) == 2
    nau("pull", "-q", registry.reference("test/one"))
    assert len(os.listdir(nau.root / "snapshots")) == 3


@test
def an_image_in_use_is_removed_by_dockers_rules(nau, registry):
    image = nau.image("busybox")
    identity = nau("image", "inspect", "-f", "{{.Id}}", image).word
    stopped = nau("create", "--network", "none", image, "echo", "still there").word
    nau.fails(2, "rmi", image, error="must force.*" + stopped[:12])
    nau.fails(2, "rmi", identity, error="must be forced.*stopped container " + stopped[:12])
    running = nau("run", "-d", "--network", "none", image, "sleep", "1000").word
    nau.fails(2, "rmi", identity, error="cannot be forced.*running container " + running[:12])
    nau.fails(2, "rmi", "-f", identity, error="cannot be forced.*running container " + running[:12])
    nau("tag", image, "other:1")
    assert nau("rmi", "other:1").lines == ["Untagged: docker.io/library/other:1"]
    nau("tag", image, "other:1")
    nau("rm", "-f", running)
    nau.fails(2, "rmi", identity, error="must be forced.*referenced by 2 names")
    nau("rmi", "other:1")
    assert f"Deleted: {identity}" in nau("rmi", "-f", image).lines
    settled(nau)
    # Its layers stay for the container that has been made from it.
    assert nau("start", "-a", stopped).out == "still there\n"
    nau("rm", stopped)
    settled(nau)
    assert blobs(nau) == [] and os.listdir(nau.root / "snapshots") == []


@test
def an_image_whose_blobs_are_gone_can_be_removed(nau):
    image = nau.image("busybox")
    for name in blobs(nau):
        os.unlink(nau.root / "content/blobs/sha256" / name)
    assert f"Untagged: {image}" in nau("rmi", image).out
    assert nau("images", "-q").lines == []


@test(timeout=200)
def many_containers_go_at_once(nau):
    image = nau.image("busybox")
    names = [f"c{i}" for i in range(300)]
    for name in names:
        nau("create", "--name", name, "--network", "none", image, "true")
    running = nau("run", "-d", "--name", "runs", "--network", "none", image, "sleep", "1000").word
    result = nau("rm", *names[:280], "runs", "nosuch", status=2)
    assert result.out.splitlines() == names[:280] and "is running" in result.err and "nosuch" in result.err
    assert sorted(nau("ps", "-a", "--format", "{{.Names}}").lines) == sorted(names[280:] + ["runs"])
    assert nau("rm", "-f", "-a").lines[0] == running
    settled(nau)
    assert os.listdir(nau.root / "snapshots") == ["1"] and os.listdir(nau.root / "containers") == []
    assert os.listdir(nau.runroot / "locks") == [] and os.listdir(nau.runroot / "containers") == []


@test
def gc_keeps_what_was_used_last(nau, registry, tmp):
    references = []
    for name in ("first", "second"):
        write_image(tmp / name, [Layer().file(name, os.urandom(200_000))])
        references.append(registry.push(tmp / name, f"test/gc-{name}"))
        nau("pull", "-q", references[-1])
    first, second = references
    nau("rm", nau("create", first, "true").word)  # used last
    settled(nau)
    nau("gc")
    size = total(nau)
    out = nau("gc", "--keep", str(size - 1000)).out
    assert f"Untagged: {second}" in out and first not in out, out
    nau("gc", "--keep", "1k")
    assert nau("images", "-q").lines == [] and blobs(nau) == []
    nau.fails(125, "gc", "--keep", "much", error="much")


main()
