"""The root file system of a container, entry by entry, against what umoci unpacks of the same image."""

import os
import subprocess

from nautest import compare_trees, layout, main, read_tree, test

SUPPLIED = ("dev", "proc", "sys", "etc/hosts", "etc/hostname", "etc/resolv.conf")
TOUCHED = {"etc": {"mtime_ns"}, ".": {"mtime_ns"}}


def unpacked(name, tmp):
    """The image's tree as umoci sees it."""
    subprocess.run(["umoci", "unpack", "--image", f"{layout(name)}:latest", str(tmp / "bundle")], check=True,
                   stdout=subprocess.DEVNULL)
    return read_tree(tmp / "bundle" / "rootfs")


def compare(nau, tmp, name):
    differences = compare_trees(unpacked(name, tmp), read_tree(nau.rootfs(nau.image(name))), ignore=SUPPLIED, ignore_fields=TOUCHED)
    assert not differences, f"{len(differences)} differences:\n" + "\n".join(differences[:40])


@test(needs=["root", "program:umoci"])
def busybox(nau, tmp):
    compare(nau, tmp, "busybox")


@test(needs=["root", "program:umoci"])
def eight_layers_with_everything_a_layer_can_say(nau, tmp):
    compare(nau, tmp, "layers8")


@test(needs=["root", "program:umoci"], timeout=400)
def a_whole_debian(nau, tmp):
    compare(nau, tmp, "debian")


@test(needs="root")
def sparse_files_of_both_formats_keep_their_content_and_their_holes(nau):
    root = nau.rootfs(nau.image("sparse"))
    for name in ("posix", "gnu"):
        with open(f"{root}/sparse/{name}", "rb") as f:
            assert f.read(5) == b"start"
            f.seek(32 << 20)
            assert f.read(6000) == b"middle" * 1000
            f.seek(0, os.SEEK_END)
            assert f.tell() == 64 << 20
        assert os.stat(f"{root}/sparse/{name}").st_blocks * 512 < 1 << 20, "the holes are written out"


main()
