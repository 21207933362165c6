"""Layers that attack or confuse, plain, in gzip and in zstd: what comes out of each, as layers of an overlay and as one tree."""

import hashlib
import io
import json
import os
import pathlib
import tarfile

from nautest import Layer, main, test
from nautest.images import compress

BASE = Layer().directory("bin").file("bin/true", "true").directory("etc").file("etc/passwd", "root:x:0:0::/:/bin/sh\n").directory("tmp", mode=0o1777) \
    .directory("data").file("data/keep", "keep").file("data/drop", "drop").symlink("link-out", "/canary").symlink("link-up", "../../../../../canary") \
    .symlink("link-in", "data")


def archive(layers, compression, path):
    tars = [layer.tar() for layer in layers]
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["true"]},
                         "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(t).hexdigest() for t in tars]}}).encode()
    members = [("config.json", config)] + [(f"{i}.tar", compress(t, compression)) for i, t in enumerate(tars)]
    manifest = [{"Config": "config.json", "RepoTags": ["example.com/case:1"], "Layers": [f"{i}.tar" for i in range(len(tars))]}]
    with tarfile.open(path, "w") as out:
        for name, data in [*members, ("manifest.json", json.dumps(manifest).encode())]:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path


def describe(path):
    if path.is_symlink():
        return "-> " + os.readlink(path)
    if path.is_dir():
        return "directory"
    if path.is_file():
        return path.read_text()
    return "node" if path.exists() else None


def check(nau, tmp, name, layers, expected):
    """`expected`: {path: content} of the result (None: it is not there), or the pattern of the error."""
    canary = pathlib.Path("/canary")
    assert not canary.exists()
    for compression in ("plain", "gzip", "zstd"):
        path = archive([BASE, *layers], compression, tmp / f"{name}-{compression}")
        if isinstance(expected, str):
            nau.fails(125, "load", "-i", path, error=expected)
            assert nau("images", "-q").out == ""
            assert not canary.exists(), name
            continue
        nau("load", "-i", path)
        bundle = tmp / f"{name}-{compression}-bundle"
        nau("bundle", "create", "example.com/case:1", bundle)
        container = nau("create", "example.com/case:1", "/bin/true").word
        (tmp / "export").mkdir(exist_ok=True)
        nau("export", "-o", tmp / "export/tar", container)
        exported = {m.name.rstrip("/"): m for m in tarfile.open(tmp / "export/tar")}
        for inside, content in expected.items():
            assert describe(bundle / "rootfs" / inside) == content, (name, compression, inside, describe(bundle / "rootfs" / inside))
            assert (inside in exported) == (content is not None), (name, compression, inside)
        nau("rm", container)
        nau("rmi", "example.com/case:1")
        assert not canary.exists(), name


INTACT = {"etc/passwd": "root:x:0:0::/:/bin/sh\n", "data/keep": "keep", "link-out": "-> /canary", "link-in": "-> data"}


@test(needs=["root", "mount"], timeout=100)
def names_that_lead_out_stay_inside(nau, tmp):
    check(nau, tmp, "dotdot", [Layer().file("../../../canary", "x")], {**INTACT, "canary": "x"})
    check(nau, tmp, "absolute", [Layer().file("/canary", "x")], {**INTACT, "canary": "x"})
    check(nau, tmp, "inner", [Layer().file("data/../../../canary", "x")], {**INTACT, "canary": "x"})


@test(needs=["root", "mount"], timeout=100)
def links_are_followed_inside_only(nau, tmp):
    check(nau, tmp, "through-absolute", [Layer().symlink("l", "/").file("l/canary", "x")], {**INTACT, "l": "-> /", "canary": "x"})
    check(nau, tmp, "through-up", [Layer().symlink("l", "../../..").file("l/canary", "x")], {**INTACT, "canary": "x"})
    check(nau, tmp, "through-lower", [Layer().file("link-in/new", "x")], {**INTACT, "data/new": "x"})
    check(nau, tmp, "replaced", [Layer().file("link-out", "a file now")], {"link-out": "a file now", "etc/passwd": INTACT["etc/passwd"], "canary": None})
    check(nau, tmp, "replaced-directory", [Layer().directory("link-up").file("link-up/x", "x")], {**INTACT, "link-up": "directory", "link-up/x": "x"})


@test(needs=["root", "mount"], timeout=100)
def hard_links_reach_nothing_outside(nau, tmp):
    check(nau, tmp, "outside", [Layer().hardlink("etc/stolen", "/etc/shadow")], "etc/stolen|etc/shadow|link")
    check(nau, tmp, "up", [Layer().hardlink("stolen", "../../../../../etc/hostname")], "stolen|etc/hostname|link")
    check(nau, tmp, "lower", [Layer().hardlink("again", "data/keep")], {**INTACT, "again": "keep"})


@test(needs=["root", "mount"], timeout=100)
def whiteouts_remove_from_the_image_only(nau, tmp):
    check(nau, tmp, "plain", [Layer().whiteout("data/drop")], {**INTACT, "data/drop": None, "data/.wh.drop": None})
    check(nau, tmp, "opaque", [Layer().opaque("data").file("data/new", "x")], {"data/keep": None, "data/drop": None, "data/new": "x"})
    check(nau, tmp, "through", [Layer().file("link-in/.wh.drop", "")], {**INTACT, "data/drop": None})
    check(nau, tmp, "outside", [Layer().file("link-out/.wh.passwd", "")], INTACT)
    check(nau, tmp, "up", [Layer().file("../../.wh.etc", "")], {"etc/passwd": None, "data/keep": "keep"})
    check(nau, tmp, "dot", [Layer().file("data/.wh..", "")], "whiteout|\\.wh")
    check(nau, tmp, "dotdot", [Layer().file("data/.wh...", "")], "whiteout|\\.wh")


@test(needs=["root", "mount"], timeout=100)
def attributes_that_are_the_hosts_stay_out(nau, tmp):
    hostile = {"trusted.overlay.opaque": b"y", "trusted.overlay.redirect": b"/etc", "user.overlay.opaque": b"y", "security.selinux": b"x", "user.mine": b"kept"}
    layer = Layer().directory("data", xattrs=hostile).file("file", "x", xattrs=hostile)
    check(nau, tmp, "xattrs", [layer], {**INTACT, "file": "x", "data/drop": "drop"})
    nau("load", "-i", tmp / "xattrs-gzip")
    nau("bundle", "create", "example.com/case:1", tmp / "b")
    assert os.listxattr(tmp / "b/rootfs/file") == ["user.mine"] and os.listxattr(tmp / "b/rootfs/data") == ["user.mine"]


@test(needs=["root", "mount"], timeout=100)
def devices_and_sparse_files_are_what_they_are(nau, tmp):
    layer = Layer().directory("dev").device("dev/null", "c", 1, 3, 0o666).device("dev/disk", "b", 8, 0).fifo("fifo").device("whiteout", "c", 0, 0)
    check(nau, tmp, "nodes", [layer], {**INTACT, "dev/null": "node", "dev/disk": "node", "fifo": "node"})


@test(needs=["root", "mount"], timeout=100)
def damaged_layers_are_refused(nau, tmp):
    class Bytes:
        def __init__(self, data):
            self.data = data

        def tar(self):
            return self.data

    whole = Layer().file("a", "x" * 3000).tar()
    check(nau, tmp, "cut", [Bytes(whole[:2000])], "truncated")
    check(nau, tmp, "checksum", [Bytes(whole[:100] + b"9" + whole[101:])], "checksum")
    huge = tarfile.TarInfo("huge")
    huge.size = 1 << 62
    check(nau, tmp, "huge", [Bytes(huge.tobuf(tarfile.GNU_FORMAT) + bytes(1024))], "huge|size|bytes|truncated")
    check(nau, tmp, "pax", [Bytes(tarfile.TarInfo.create_pax_global_header({"comment": "x" * (3 << 20)}) + whole)], "header|bytes|limit|larger")
    check(nau, tmp, "file-as-directory", [Layer().file("a", "x").file("a/b", "y")], "is not a directory")


main()
