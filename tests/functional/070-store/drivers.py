"""File systems on which overlayfs cannot work: the store keeps whole copies there, says so once, and everything works."""

import json
import os
import subprocess
import tarfile

from nautest import Layer, main, skip, test, write_image

VFS = {"NAU_STORAGE_DRIVER": "vfs"}


def mounted(tmp, kind, *options):
    """A file system of that kind; unmounted with the test's mount namespace, or by the harness."""
    directory = tmp / kind
    directory.mkdir()
    done = subprocess.run(["mount", "-t", kind, *options, "none", str(directory)], stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        skip(f"cannot mount {kind}: {done.stderr.decode().strip()}")
    return directory


class Unmounted:
    def __init__(self, directory):
        self.directory = directory

    def __enter__(self):
        return self.directory

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.directory)], check=True)


def life(nau, image):
    """Pull, run, change, look at the change, commit, remove."""
    assert nau("run", "--rm", "--network", "none", image, "echo", "works").out == "works\n"
    script = "echo new > /etc/new; rm /bin/wget; mkdir /d; echo x > /d/x; chmod 700 /tmp; ln -s /d /link"
    nau("run", "--network", "none", "--name", "c", image, "sh", "-c", script)
    changes = set(nau("diff", "c").lines)
    assert {"A /etc/new", "D /bin/wget", "A /d", "A /d/x", "C /tmp", "A /link", "C /etc", "C /bin"} <= changes, changes
    assert not any(line.endswith((" /bin/sh", " /usr")) for line in changes), changes
    nau("commit", "-q", "c", "changed:1")
    out = nau("run", "--rm", "--network", "none", "changed:1", "sh", "-c", "cat /etc/new /link/x; ls /bin/wget; stat -c %a /tmp", status=None).out
    assert out == "new\nx\n700\n", out
    assert nau("run", "--rm", "--network", "none", image, "ls", "/bin/wget").out == "/bin/wget\n"
    nau("start", "-a", "c")
    assert nau("fsck", "-n").status == 0
    assert nau("fsck", "-n", "--deep").status == 0
    nau("rm", "c")
    nau("rmi", "-f", "changed:1", image)
    nau("system", "prune", "-a", "-f")


@test(needs=["root", "mount"])
def a_file_system_without_attributes_gets_copies_and_is_told_once(nau, registry, tmp):
    image = registry.add("busybox")
    with Unmounted(mounted(tmp, "ramfs")) as directory:
        nau.root = directory / "nau"
        first = nau("pull", "-q", image)
        assert "whole copies (vfs)" in first.err and str(nau.root) in first.err, first
        assert first.err.count("\n") == 1, first
        assert nau("pull", "-q", image).err == ""
        assert nau.json("info")["store"]["snapshotter"] == "vfs"
        life(nau, image)
        snapshots = os.listdir(nau.root / "snapshots")
        assert snapshots == [], snapshots


@test
def copies_can_be_asked_for_and_a_store_keeps_what_it_has(nau, registry):
    image = registry.add("layers8")
    assert nau("pull", "-q", image, env=VFS).err == ""
    assert nau.json("info")["store"]["snapshotter"] == "vfs"
    nau.fails(125, "images", env={"NAU_STORAGE_DRIVER": "overlay"}, error="keeps its layers with vfs, not with overlay")
    assert nau("images", env=VFS).status == 0
    nau.fails(125, "images", env={"NAU_STORAGE_DRIVER": "zfs"}, error="'zfs' is neither overlay nor vfs")
    assert nau("run", "--rm", "--network", "none", image, "true", status=None).status in (0, 127)
    assert nau("fsck", "-n", "--deep").status == 0


@test
def the_driver_is_said_on_the_command_line_as_podman_has_it(nau, registry):
    image = registry.add("busybox")
    nau("--storage-driver", "vfs", "pull", "-q", image, env={"NAU_STORAGE_DRIVER": "overlay"})
    store = nau("--storage-driver=vfs", "info", "--format", "json").json()["store"]
    assert store["graphDriverName"] == store["snapshotter"] == "vfs", store
    assert nau("info", "--format", "{{.store.graphDriverName}}").word == "vfs"
    before = sorted(os.listdir(nau.root))
    for command in (["images"], ["run", "--rm", image, "true"], ["pull", image], ["system", "prune", "-f"]):
        result = nau.fails(125, "--storage-driver", "overlay", *command, error="keeps its layers with vfs, not with overlay")
        assert str(nau.root) in result.err and "give another --root" in result.err, result
    assert sorted(os.listdir(nau.root)) == before
    result = nau.fails(125, "--storage-driver", "btrfs", "images", error="'btrfs' is neither overlay nor vfs")
    assert "--storage-driver" in result.err, result
    for option, error in (("overlay.mount_program=/usr/bin/fuse-overlayfs", "unknown option 'overlay.mount_program'"),
                          ("imagestore", "'imagestore' is not NAME=VALUE"), ("imagestore=here", "'here' is not an absolute path")):
        nau.fails(125, "--storage-opt", option, "images", error="--storage-opt: " + error.replace(".", "[.]"))
    assert nau("--storage-driver", "vfs", "run", "--rm", "--network", "none", image, "echo", "works").out == "works\n"


@test
def a_store_with_copies_lives_a_whole_life(nau, registry):
    nau("pull", "-q", registry.add("busybox"), env=VFS)
    life(nau, registry.add("busybox"))


@test
def the_usual_store_says_nothing(nau, registry):
    assert nau("pull", "-q", registry.add("busybox")).err == ""
    assert nau.json("info")["store"]["snapshotter"] == "overlay"
    assert (nau.root / "driver").read_text() == "overlay\n"
    nau.fails(125, "images", env=VFS, error="keeps its layers with overlay, not with vfs")


@test
def a_copied_tree_is_compared_with_what_it_was_copied_from(nau, registry, tmp):
    write_image(tmp / "i", [Layer().directory("a").file("a/one", "1").file("a/two", "2").hardlink("a/three", "a/two")
                            .directory("gone").file("gone/x", "x").symlink("s", "a/one")])
    image = registry.push(tmp / "i", "own/copied")
    nau("create", "-q", "--name", "c", "--network", "none", image, "/x", env=VFS)
    assert nau("diff", "c").lines == []
    upper = next(p for p in (nau.root / "snapshots").iterdir() if (p / "fs/a").exists() and p.name != "1") / "fs"
    assert os.stat(upper / "a/two").st_ino == os.stat(upper / "a/three").st_ino
    (upper / "a/one").write_text("changed")
    subprocess.run(["rm", "-r", str(upper / "gone")], check=True)
    assert nau("diff", "c").lines == ["C /a", "C /a/one", "D /gone"]
    nau("commit", "-q", "c", "new:1")
    nau("run", "--rm", "--network", "none", "--entrypoint", "/x", "new:1", status=127)
    nau("save", "-q", "-o", str(tmp / "new.tar"), "--format", "oci-archive", "new:1")
    with tarfile.open(tmp / "new.tar") as archive:
        index = json.load(archive.extractfile("index.json"))
        manifest = json.load(archive.extractfile("blobs/sha256/" + index["manifests"][0]["digest"][7:]))
        layer = archive.extractfile("blobs/sha256/" + manifest["layers"][-1]["digest"][7:])
        with tarfile.open(fileobj=layer) as changes:
            names = [member.name for member in changes]
    assert names == ["a", "a/one", ".wh.gone"], names


main()
