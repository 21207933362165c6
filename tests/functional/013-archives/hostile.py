"""Archives that attack or are damaged: one clear error, nothing in the store, nothing outside of it."""

import gzip
import hashlib
import io
import json
import os
import pathlib
import tarfile

from nautest import Layer, layout, main, test, write_image
from nautest.images import CONFIG, INDEX, LAYER, MANIFEST


def sha(data):
    return hashlib.sha256(data).hexdigest()


class Archive:
    """A tar, member by member."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w")

    def file(self, name, data):
        info = tarfile.TarInfo(name)
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        info.size = len(data)
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def node(self, name, kind, link=""):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        self.tar.addfile(info)
        return self

    def write(self, path):
        self.tar.close()
        pathlib.Path(path).write_bytes(self.buffer.getvalue())
        return path


TAR = Layer().file("etc/hello", "hi\n").tar()
CONFIGURATION = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(TAR)]}}).encode()


def docker_archive(config=CONFIGURATION, layer=TAR, entry=None, extra=(), config_name=None):
    archive = Archive()
    name = config_name or sha(config) + ".json"
    archive.file(name, config).file("layer.tar", layer)
    for member in extra:
        archive.file(*member)
    manifest = {"Config": name, "RepoTags": ["example.com/hostile:1"], "Layers": ["layer.tar"], **(entry or {})}
    return archive.file("manifest.json", [manifest])


def refused(nau, path, error, status=125):
    result = nau.fails(status, "load", "-i", path, error=error)
    assert len(result.err) < 2000, result
    nothing_is_stored(nau)
    # The same through a pipe.
    if pathlib.Path(path).is_file():
        nau.fails(status, "load", input=pathlib.Path(path).read_bytes(), error=error)
        nothing_is_stored(nau)


def nothing_is_stored(nau):
    assert nau("images", "-q").out == ""
    ingest = nau.root / "content" / "ingest"
    assert not ingest.exists() or not list(ingest.iterdir()), list(ingest.iterdir())


@test
def the_archive_that_the_others_are_made_from_is_good(nau, tmp):
    assert nau("load", "-i", docker_archive().write(tmp / "a")).lines == ["Loaded image: example.com/hostile:1"]


@test
def names_that_lead_out_of_the_archive(nau, tmp):
    secret = tmp / "secret"
    secret.write_bytes(TAR)
    for number, name in enumerate([f"../{secret.name}", str(secret), "a/../../x", "..", "x\n", "n" * 2000]):
        refused(nau, docker_archive(entry={"Layers": [name]}).write(tmp / f"l{number}"), "the archive names")
        refused(nau, docker_archive(entry={"Config": name}).write(tmp / f"c{number}"), "the archive names")
        refused(nau, docker_archive(extra=[(name, b"x")]).write(tmp / f"m{number}"), "the archive names")


@test
def links_and_nodes_in_place_of_files(nau, tmp):
    for number, (kind, link) in enumerate([(tarfile.SYMTYPE, "/etc/passwd"), (tarfile.SYMTYPE, "layer.tar"), (tarfile.LNKTYPE, "layer.tar"),
                                           (tarfile.CHRTYPE, ""), (tarfile.FIFOTYPE, "")]):
        refused(nau, Archive().file("layer.tar", TAR).node("manifest.json", kind, link).write(tmp / f"m{number}"), "manifest.json")
    loop = docker_archive(entry={"Layers": ["a/layer.tar"]})
    loop.node("a/layer.tar", tarfile.SYMTYPE, "../b/layer.tar").node("b/layer.tar", tarfile.SYMTYPE, "../a/layer.tar")
    refused(nau, loop.write(tmp / "loop"), "chain of links")
    outside = docker_archive(entry={"Layers": ["a/layer.tar"]}).node("a/layer.tar", tarfile.SYMTYPE, "../../../etc/passwd")
    refused(nau, outside.write(tmp / "outside"), "leads out of the archive")
    nowhere = docker_archive(entry={"Layers": ["a/layer.tar"]}).node("a/layer.tar", tarfile.SYMTYPE, "../b")
    refused(nau, nowhere.write(tmp / "nowhere"), "has no")


@test
def two_files_of_one_name(nau, tmp):
    refused(nau, docker_archive(extra=[("layer.tar", TAR)]).write(tmp / "layer"), "in it twice")
    refused(nau, docker_archive(extra=[("./layer.tar", TAR)]).write(tmp / "dot"), "in it twice")
    refused(nau, docker_archive().file("manifest.json", []).write(tmp / "manifest"), "in it twice")


@test
def documents_that_are_too_large_or_no_documents(nau, tmp):
    refused(nau, Archive().file("manifest.json", b" " * (17 << 20)).write(tmp / "manifest"), "more than the")
    refused(nau, docker_archive(config=b" " * (9 << 20), config_name="config").write(tmp / "config"), "more than the")
    refused(nau, Archive().file("manifest.json", b"[" * 100_000).write(tmp / "deep"), "manifest.json")
    for number, text in enumerate([b"", b"[", b"null", b"[1]", b"[{}]", b'[{"Config": 1}]', b'[{"Config": "x", "Layers": "y"}]', b"\xff\xfe"]):
        refused(nau, Archive().file("manifest.json", text).write(tmp / f"m{number}"), "manifest")
    refused(nau, Archive().file("oci-layout", {"imageLayoutVersion": "2.0.0"}).file("index.json", {"schemaVersion": 2, "manifests": []})
            .write(tmp / "version"), "version '2.0.0'")
    refused(nau, Archive().file("repositories", {}).write(tmp / "old"), "before 1.10")
    refused(nau, Archive().file("etc/passwd", b"root").write(tmp / "rootfs"), "neither index.json nor manifest.json")


@test
def digests_that_lie(nau, tmp):
    other = Layer().file("etc/hello", "HI\n").tar()
    refused(nau, docker_archive(layer=other).write(tmp / "layer"), "digest|content is")
    refused(nau, docker_archive(layer=gzip.compress(other)).write(tmp / "gzip"), "content is")
    refused(nau, docker_archive(config_name="0" * 64 + ".json").write(tmp / "config"), "bytes have digest")
    wrong = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    refused(nau, docker_archive(config=json.dumps(wrong).encode()).write(tmp / "count"), "1 layers for .* 0 diffIDs")


def oci_archive(change):
    """busybox as an OCI layout, after change(files)."""
    source = pathlib.Path(layout("busybox"))
    files = {str(p.relative_to(source)): p.read_bytes() for p in source.rglob("*") if p.is_file()}
    change(files)
    archive = Archive()
    for name, data in files.items():
        archive.file(name, data)
    return archive


@test
def layouts_whose_blobs_are_others(nau, tmp):
    index = json.loads((layout("busybox") / "index.json").read_text())
    manifest = "blobs/sha256/" + index["manifests"][0]["digest"][7:]
    document = json.loads((layout("busybox") / manifest).read_text())
    config, layer = ("blobs/sha256/" + document[k]["digest"][7:] if k == "config" else "blobs/sha256/" + document["layers"][0]["digest"][7:]
                     for k in ("config", "layers"))
    for number, name in enumerate((manifest, config)):
        refused(nau, oci_archive(lambda f: f.update({name: f[name] + b" "})).write(tmp / f"longer{number}"), "bytes instead of")
        refused(nau, oci_archive(lambda f: f.update({name: f[name][:-1] + b" "})).write(tmp / f"other{number}"), "bytes have digest")
        refused(nau, oci_archive(lambda f: f.pop(name)).write(tmp / f"none{number}"), "has no 'blobs")
    flipped = bytearray((layout("busybox") / layer).read_bytes())
    flipped[len(flipped) // 2] ^= 1
    refused(nau, oci_archive(lambda f: f.update({layer: bytes(flipped)})).write(tmp / "flip"), "layer")
    refused(nau, oci_archive(lambda f: f.update({layer: bytes(flipped) + b"x"})).write(tmp / "long"), "layer")
    refused(nau, oci_archive(lambda f: f.update({layer: f[layer][:-1]})).write(tmp / "short"), "layer")
    refused(nau, oci_archive(lambda f: f.pop(layer)).write(tmp / "nolayer"), "has no blob")


@test
def digests_that_are_paths(nau, tmp):
    for number, digest in enumerate(["sha256:../../x", "sha256:" + "A" * 64, "sha256:123", "md5:" + "0" * 32, "sha256:" + "0" * 63 + "/"]):
        entry = {"mediaType": MANIFEST, "digest": digest, "size": 1}
        archive = Archive().file("oci-layout", {"imageLayoutVersion": "1.0.0"})
        archive.file("index.json", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
        refused(nau, archive.write(tmp / str(number)), "digest")


@test
def a_manifest_that_is_an_index_as_well(nau, tmp):
    config = {"mediaType": CONFIG, "digest": "sha256:" + sha(CONFIGURATION), "size": len(CONFIGURATION)}
    layer = {"mediaType": LAYER, "digest": "sha256:" + sha(TAR), "size": len(TAR)}
    both = json.dumps({"schemaVersion": 2, "config": config, "layers": [layer], "manifests": []}).encode()
    archive = Archive().file("oci-layout", {"imageLayoutVersion": "1.0.0"})
    archive.file("index.json", {"schemaVersion": 2, "manifests": [{"mediaType": MANIFEST, "digest": "sha256:" + sha(both), "size": len(both)}]})
    archive.file("blobs/sha256/" + sha(both), both)
    refused(nau, archive.write(tmp / "a"), "at once")


@test
def directories_with_links_and_devices(nau, tmp):
    write_image(tmp / "i", [Layer().file("a", "1")], compression="plain")
    os.rename(tmp / "i/index.json", tmp / "index")
    os.symlink(tmp / "index", tmp / "i/index.json")
    refused(nau, tmp / "i", "as a link")
    os.unlink(tmp / "i/index.json")
    os.mkfifo(tmp / "i/index.json")
    refused(nau, tmp / "i", "no regular file")
    os.unlink(tmp / "i/index.json")
    os.rename(tmp / "index", tmp / "i/index.json")
    os.rename(tmp / "i/blobs", tmp / "blobs")
    os.symlink(tmp / "blobs", tmp / "i/blobs")
    refused(nau, tmp / "i", "as a link")
    os.unlink(tmp / "i/blobs")
    os.rename(tmp / "blobs", tmp / "i/blobs")
    nau("load", "-i", tmp / "i")


@test
def damaged_and_cut_off_archives(nau, tmp):
    whole = docker_archive().write(tmp / "whole").read_bytes()
    for cut in (1, 100, 511, 512, 700, 1536, 2000, len(whole) - 9000):
        (tmp / "cut").write_bytes(whole[:cut])
        refused(nau, tmp / "cut", "tar|neither")
    packed = gzip.compress(whole)
    (tmp / "cut").write_bytes(packed[: len(packed) // 2])
    refused(nau, tmp / "cut", "gzip|deflate|ends|truncated")
    (tmp / "empty").write_bytes(b"")
    refused(nau, tmp / "empty", "empty")
    (tmp / "xz").write_bytes(b"\xfd7zXZ\x00" + bytes(600))
    refused(nau, tmp / "xz", "xz")
    (tmp / "text").write_bytes(b"this is no archive\n" * 100)
    refused(nau, tmp / "text", "tar|checksum")


@test(timeout=60)
def a_bomb_in_an_archive_is_stopped(nau, tmp):
    """A layer of 4 GiB of zeros in 4 MB."""
    import subprocess
    blob = tmp / "bomb.gz"
    with open(blob, "wb") as out:
        zeros = subprocess.Popen(["head", "-c", str(1 << 30), "/dev/zero"], stdout=subprocess.PIPE)
        subprocess.run(["gzip", "-9"], stdin=zeros.stdout, stdout=out, check=True)
        zeros.wait()
    bomb = blob.read_bytes() * 4
    refused(nau, docker_archive(layer=bomb).write(tmp / "a"), "times|ratio|tar")
    assert sum(f.stat().st_blocks for f in nau.root.rglob("*") if f.is_file()) * 512 < (16 << 20)


@test
def names_in_an_archive_that_are_none_are_ignored(nau, tmp):
    entry = {"RepoTags": ["../../etc:x", "example.com/UPPER:1", "sha256:" + "0" * 64, "", "example.com/good:1", "a:b:c"]}
    archive = docker_archive(entry=entry).write(tmp / "a")
    assert nau("load", "-i", archive).lines == ["Loaded image: example.com/good:1"]


main()
