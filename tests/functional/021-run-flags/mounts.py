"""Mounts beyond bind, volume and tmpfs: ramfs, devpts, glob, and the option U."""

import os

from nautest import main, test


def run(nau, *options, command=("true",)):
    return nau("run", "--rm", *options, nau.image(), *command).out


@test(needs=["root"])
def the_option_u_gives_the_source_to_the_containers_user(nau, tmp):
    (tmp / "d" / "s").mkdir(parents=True)
    (tmp / "d" / "s" / "f").write_text("x")
    os.chmod(tmp / "d" / "s" / "f", 0o4711)
    os.symlink("/etc/passwd", tmp / "d" / "l")
    assert run(nau, "--user", "71:72", "-v", f"{tmp}/d:/d:U", command=("stat", "-c", "%u:%g %a", "/d", "/d/s/f")) \
        == "71:72 755\n71:72 4711\n"
    assert os.stat("/etc/passwd").st_uid == 0 and os.lstat(tmp / "d" / "l").st_uid == 71
    nau.fails(125, "run", "--rm", "-v", "/usr:/u:U", nau.image(), "true", error="belongs to the system")


@test
def ramfs_devpts_and_glob(nau, tmp):
    for name in ("a.conf", "b.conf", "c.txt"):
        (tmp / name).write_text(name + "\n")
    assert run(nau, "--mount", f"type=glob,src={tmp}/*.conf,dst=/conf", command=("sh", "-c", "cat /conf/*")) == "a.conf\nb.conf\n"
    nau.fails(125, "run", "--rm", "--mount", f"type=glob,src={tmp}/*.none,dst=/conf", nau.image(), "true", error="nothing matches")
    mounts = run(nau, "--mount", "type=ramfs,dst=/r", "--mount", "type=devpts,dst=/p,mode=0600", command=("cat", "/proc/mounts"))
    assert "ramfs /r ramfs" in mounts and "devpts /p devpts" in mounts, mounts
    nau.fails(125, "run", "--rm", "--mount", "type=artifact,dst=/a", nau.image(), "true", error="artifact")


@test(needs=["root"])
def what_is_written_to_an_overlay_stays_above_the_source(nau, tmp):
    (tmp / "d").mkdir()
    (tmp / "d" / "f").write_text("old\n")
    os.chown(tmp / "d", 5, 6)
    os.chmod(tmp / "d", 0o750)
    write = ("sh", "-c", "cat /o/f; echo new > /o/f; stat -c %u:%g:%a /o")
    nau("run", "--name", "c", "-v", f"{tmp}/d:/o:O", nau.image(), *write)
    assert nau("logs", "c").out == "old\n5:6:750\n"
    # Once more: nothing is left of the first time.
    assert nau("start", "-a", "c").out == "old\n5:6:750\n"
    assert (tmp / "d" / "f").read_text() == "old\n"
    (tmp / "up").mkdir()
    (tmp / "work").mkdir()
    run(nau, "-v", f"{tmp}/d:/o:O,upperdir={tmp}/up,workdir={tmp}/work", command=write)
    assert (tmp / "up" / "f").read_text() == "new\n" and (tmp / "d" / "f").read_text() == "old\n"
    run(nau, "-v", "data:/v", command=("sh", "-c", "echo kept > /v/f"))
    run(nau, "-v", "data:/v:O", command=("sh", "-c", "echo lost > /v/f; grep -q lost /v/f"))
    assert run(nau, "-v", "data:/v", command=("cat", "/v/f")) == "kept\n"
    nau.fails(125, "run", "--rm", "-v", f"{tmp}/d/f:/o:O", nau.image(), "true", error="no directory")
    nau.fails(125, "run", "--rm", "-v", f"{tmp}/d:/o:idmap", nau.image(), "true", error="idmap")


@test(needs=["root"])
def an_image_is_mounted_and_kept_while_its_container_exists(nau):
    image, other = nau.image(), nau.image("layers8")
    assert run(nau, "--mount", f"type=image,src={image},dst=/i", command=("sh", "-c", "test -x /i/bin/sh && ! touch /i/x 2>/dev/null && echo ro")) \
        == "ro\n"
    nau("create", "--name", "c", "--mount", f"type=image,src={other},dst=/i,rw=true", image, "sh", "-c", "ls /i | wc -l; touch /i/x && echo rw")
    nau("rmi", other)
    nau("gc")
    assert nau("start", "-a", "c").out.splitlines()[1] == "rw"
    assert nau.inspect("c")["Mounts"][0]["Type"] == "image"
    nau("rm", "c")
    assert nau("lease", "ls", "-q", status=None).out == ""
    nau.fails(125, "run", "--rm", "--mount", "type=image,src=no/such,dst=/i", image, "true", error="no/such")


@test
def a_new_volume_gets_labels(nau):
    run(nau, "--mount", "type=volume,src=v,dst=/v,volume-label=a=b")
    assert nau("volume", "ls", "-q", "-f", "label=a=b").lines == ["v"]


main()
