"""--rootfs: a directory of the host in place of an image, written to or with a layer of its own above it."""

import os
import subprocess

from nautest import main, test


def make_root(nau, tmp):
    """The files of an image as a directory that belongs to the test."""
    root = tmp / "root"
    root.mkdir()
    nau("create", "--name", "source", nau.image(), "true")
    nau("export", "-o", str(tmp / "root.tar"), "source")
    subprocess.run(["tar", "-C", str(root), "-xf", str(tmp / "root.tar")], check=True)
    nau("rm", "source")
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\nann:x:1901:1902::/home/ann:/bin/sh\n")
    return root


@test(needs=["root", "mount"])
def a_directory_is_the_root_and_is_written_to(nau, tmp):
    root = make_root(nau, tmp)
    assert nau("run", "--rm", "--rootfs", str(root), "sh", "-c", "echo here > /made; cat /etc/hostname").status == 0
    assert (root / "made").read_text() == "here\n"
    assert nau("run", "--rm", "-u", "ann", "--rootfs", str(root), "id").out == "uid=1901(ann) gid=1902 groups=1902\n"
    nau("rmi", "-af")
    assert nau("run", "--rm", "--rootfs", str(root), "echo", "no image").out == "no image\n"
    assert (root / "bin" / "busybox").exists()
    done = nau("run", "--rm", "--rootfs", "root", "echo", "relative", cwd=str(tmp)).out
    assert done == "relative\n"


@test(needs=["root", "mount"])
def it_is_listed_inspected_committed_and_removed_as_others_are(nau, tmp):
    root = make_root(nau, tmp)
    nau("run", "--name", "c", "--rootfs", str(root), "sh", "-c", "echo x > /x")
    row = nau.json("ps", "-a")[0]
    assert row["Image"] == "" and row["State"] == "exited", row
    about = nau.inspect("c")
    assert about["Rootfs"] == str(root) and about["Image"] == "" and about["ImageName"] == ""
    nau.fails(125, "diff", "c", error="nothing to compare")
    nau("commit", "-q", "c", "made:1")
    nau("rm", "c")
    assert (root / "x").read_text() == "x\n", "rm leaves the directory alone"
    assert nau("run", "--rm", "made:1", "cat", "/x").out == "x\n", "a commit is the whole directory"
    assert nau("start", "c", status=125).status == 125
    nau("fsck")


@test(needs=["root", "mount"])
def a_create_that_was_killed_before_it_made_the_overlay_leaves_a_whole_container(nau, tmp):
    root = make_root(nau, tmp)
    root.chmod(0o750)
    c = nau("create", "--name", "c", "--rootfs", f"{root}:O", "sh", "-c", "stat -c %a /; chmod 711 /").word
    overlay = nau.root / "containers" / c / "rootfs"
    (overlay / "upper.new").mkdir(parents=True)
    (overlay / "upper.new").chmod(0o700)
    assert nau("start", "-a", "c").out == "750\n"
    assert nau("start", "-a", "c").out == "711\n", "what it did to its root stays"


@test(needs=["root", "mount"])
def with_an_overlay_the_directory_stays_as_it_is(nau, tmp):
    root = make_root(nau, tmp)
    nau("run", "--name", "c", "--rootfs", f"{root}:O", "sh", "-c", "echo x >> /x; cat /x; rm -f /etc/passwd")
    assert not (root / "x").exists() and (root / "etc" / "passwd").exists()
    assert nau("start", "-a", "c").out == "x\nx\n", "what was written stays with the container"
    assert {"A /x", "D /etc/passwd"} <= set(nau("diff", "c").lines)
    nau("commit", "-q", "c", "made:1")
    assert nau("run", "--rm", "made:1", "sh", "-c", "cat /x; test -e /etc/passwd || echo gone").out == "x\nx\ngone\n"
    assert nau("cp", "c:/x", str(tmp / "copy")).status == 0
    assert (tmp / "copy").read_text() == "x\nx\n"
    path = nau("mount", "c").word
    assert os.path.exists(path + "/x")
    nau("rm", "c")
    assert (root / "bin" / "busybox").exists() and not os.path.exists(path)


@test(needs=["root", "mount"])
def a_read_only_one_is_not_written_to(nau, tmp):
    root = make_root(nau, tmp)
    assert nau("run", "--rm", "--read-only", "--rootfs", str(root), "touch", "/x", status=1).status == 1
    assert nau("run", "--rm", "--read-only", "--rootfs", f"{root}:O", "touch", "/x", status=1).status == 1
    assert nau("run", "--rm", "--read-only", "--rootfs", str(root), "touch", "/tmp/x").status == 0
    assert not (root / "x").exists() and not (root / "tmp" / "x").exists()


@test(needs=["root", "mount"])
def bad_directories_are_named(nau, tmp):
    (tmp / "file").write_text("")
    nau.fails(125, "run", "--rootfs", str(tmp / "nosuch"), "true", error="root directory.*nosuch.*does not exist")
    nau.fails(125, "create", "--rootfs", str(tmp / "file"), "true", error="no directory")
    nau.fails(125, "run", "--rootfs", str(tmp), error="no command given")
    nau.fails(125, "run", "--rmi", "--rootfs", str(tmp), "true", error="--rmi and --rootfs")
    nau.fails(127, "run", "--rm", "--rootfs", str(tmp), "/bin/sh", error="/bin/sh")
    root = make_root(nau, tmp)
    nau("create", "--name", "c", "--rootfs", str(root), "true")
    subprocess.run(["mv", str(root), str(tmp / "moved")], check=True)
    nau.fails(125, "start", "c", error="root")
    nau("rm", "c")
    assert (tmp / "moved" / "bin" / "busybox").exists()


main()
