"""cp: docker's rules for names, both ways, of running and stopped containers, and what hostile links cannot do."""

import io
import os
import subprocess
import tarfile

from nautest import main, test


def tree(path):
    """Names below a directory, with the text of files."""
    out = {}
    for base, dirs, files in os.walk(path):
        for name in dirs + files:
            full = os.path.join(base, name)
            rel = os.path.relpath(full, path)
            out[rel] = open(full).read() if os.path.isfile(full) and not os.path.islink(full) else None
    return out


def make_source(tmp):
    (tmp / "src" / "sub").mkdir(parents=True)
    (tmp / "src" / "a").write_text("a\n")
    (tmp / "src" / "sub" / "b").write_text("b\n")
    (tmp / "file").write_text("file\n")
    os.symlink("file", tmp / "link")


def containers(nau):
    image = nau.image()
    nau("run", "-d", "--name", "up", image, "sleep", "1000")
    nau("create", "--name", "down", image, "true")
    return ("up", "down")


def look(nau, name, script):
    """What a shell in the container says; of a stopped one, through a second container on its files."""
    if name == "up":
        return nau("exec", name, "sh", "-c", script).out
    raise AssertionError(name)


@test
def files_and_directories_go_in_by_dockers_rules(nau, tmp):
    make_source(tmp)
    for name in containers(nau):
        nau("cp", str(tmp / "file"), f"{name}:/tmp/new")
        nau("cp", str(tmp / "file"), f"{name}:/tmp")
        nau("cp", str(tmp / "file"), f"{name}:/tmp/")
        nau("cp", str(tmp / "src"), f"{name}:/fresh")
        nau("cp", str(tmp / "src"), f"{name}:/tmp")
        nau("cp", str(tmp / "src") + "/.", f"{name}:/tmp/fill-not-there")
        nau("cp", str(tmp / "src") + "/.", f"{name}:/tmp")
        nau("cp", str(tmp / "link"), f"{name}:/tmp/alink")
        nau("cp", "-L", str(tmp / "link"), f"{name}:/tmp/followed")
        nau.fails(125, "cp", str(tmp / "file"), f"{name}:/nosuch/", error="nosuch.*does not exist")
        nau.fails(125, "cp", str(tmp / "file"), f"{name}:/nosuch/x", error="nosuch")
        nau.fails(125, "cp", str(tmp / "src"), f"{name}:/tmp/new", error="is a file")
        nau.fails(125, "cp", str(tmp / "file"), f"{name}:/tmp/new/", error="no directory")
        nau.fails(125, "cp", str(tmp / "nosuch"), f"{name}:/tmp", error="nosuch.*does not exist")
        nau("cp", f"{name}:/tmp", str(tmp / f"out-{name}"))
        nau("cp", f"{name}:/fresh", str(tmp / f"fresh-{name}"))
        assert tree(tmp / f"fresh-{name}") == {"a": "a\n", "sub": None, "sub/b": "b\n"}
        got = tree(tmp / f"out-{name}")
        assert got["new"] == got["file"] == got["followed"] == "file\n", got
        assert got["src/sub/b"] == got["sub/b"] == got["fill-not-there/sub/b"] == "b\n", got
        assert os.readlink(tmp / f"out-{name}" / "alink") == "file"


@test
def files_come_out_by_dockers_rules(nau, tmp):
    for name in containers(nau):
        os.chdir(tmp)
        nau("cp", f"{name}:/etc/passwd", "copy", cwd=tmp)
        nau("cp", f"{name}:etc/passwd", ".", cwd=tmp)
        assert (tmp / "copy").read_text() == (tmp / "passwd").read_text()
        assert (tmp / "copy").stat().st_uid == os.getuid()
        (tmp / "dir").mkdir()
        nau("cp", f"{name}:/etc", str(tmp / "dir"))
        nau("cp", f"{name}:/etc/.", str(tmp / "dir"))
        assert (tmp / "dir" / "etc" / "passwd").exists() and (tmp / "dir" / "passwd").exists()
        nau.fails(125, "cp", f"{name}:/nosuch", str(tmp), error="/nosuch.*does not exist")
        nau.fails(125, "cp", f"{name}:/etc", str(tmp / "copy"), error="is a file")
        nau("cp", "--overwrite", f"{name}:/etc", str(tmp / "copy"))
        assert (tmp / "copy" / "passwd").exists()
        for leftover in ("copy", "dir"):
            subprocess.run(["rm", "-rf", str(tmp / leftover)], check=True)
    nau.fails(125, "cp", str(tmp / "x"), str(tmp / "y"), error="neither side")
    nau.fails(125, "cp", "nosuch:/x", str(tmp / "y"), error="nosuch")


@test
def a_tar_goes_out_and_comes_in(nau, tmp):
    make_source(tmp)
    for name in containers(nau):
        nau("cp", str(tmp / "src"), f"{name}:/src")
        raw = subprocess.run(nau.argv("cp", f"{name}:/src", "-"), capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
            assert sorted(archive.getnames()) == ["src", "src/a", "src/sub", "src/sub/b"]
        assert subprocess.run(nau.argv("cp", "-", f"{name}:/tmp"), input=raw).returncode == 0
        nau("cp", f"{name}:/tmp/src", str(tmp / f"back-{name}"))
        assert tree(tmp / f"back-{name}") == tree(tmp / "src")
        nau.fails(125, "cp", "-", f"{name}:/etc/passwd", error="none")
        got = subprocess.run(nau.argv("cp", "-", f"{name}:/tmp"), input=b"no tar at all" * 100, capture_output=True)
        assert got.returncode == 125 and b"Error: " in got.stderr, got


@test
def between_two_containers(nau):
    containers(nau)
    nau("exec", "up", "sh", "-c", "mkdir /d && echo x > /d/x")
    nau("cp", "up:/d", "down:/e")
    nau("cp", "down:/e/.", "up:/f")
    assert nau("exec", "up", "cat", "/f/x").out == "x\n"
    nau("cp", "down:/e", "down:/g")
    nau("cp", "down:/g", "up:/g")
    assert nau("exec", "up", "cat", "/g/x").out == "x\n"
    nau("create", "--name", "down2", nau.image(), "true")
    nau("cp", "down:/g", "down2:/h")
    nau("cp", "down2:/h/x", "up:/from2")
    assert nau("exec", "up", "cat", "/from2").out == "x\n"


@test
def volumes_and_binds_are_where_the_container_has_them(nau, tmp):
    (tmp / "bound").mkdir()
    image = nau.image()
    nau("create", "--name", "v", "-v", "vol:/data/vol", "-v", f"{tmp}/bound:/data/bound", "-v", f"{tmp}/bound:/ro:ro",
        image, "true")
    (tmp / "f").write_text("f\n")
    nau("cp", str(tmp / "f"), "v:/data/vol/f")
    nau("cp", str(tmp / "f"), "v:/data/bound/f")
    assert (tmp / "bound" / "f").read_text() == "f\n"
    nau.fails(125, "cp", str(tmp / "f"), "v:/ro/g", error="Read-only")
    assert nau("run", "--rm", "-v", "vol:/v", image, "cat", "/v/f").out == "f\n"


@test
def owners_are_the_containers_user_or_stay(nau, tmp):
    if os.getuid() != 0:
        return
    (tmp / "f").write_text("f\n")
    os.chown(tmp / "f", 1234, 1235)
    os.chmod(tmp / "f", 0o4750)
    nau("run", "-d", "--name", "u", "--user", "77:78", nau.image(), "sleep", "1000")
    nau("cp", str(tmp / "f"), "u:/tmp/given")
    nau("cp", "--archive=false", str(tmp / "f"), "u:/tmp/kept")
    assert nau("exec", "u", "stat", "-c", "%u:%g %a", "/tmp/given", "/tmp/kept").lines == ["77:78 4750", "1234:1235 4750"]
    nau("cp", "u:/tmp/kept", str(tmp / "out"))
    assert ((tmp / "out").stat().st_uid, (tmp / "out").stat().st_mode & 0o7777) == (0, 0o4750)


@test
def links_in_a_container_never_lead_out_of_it(nau, tmp):
    (tmp / "secret").write_text("host\n")
    (tmp / "f").write_text("evil\n")
    containers(nau)
    nau("exec", "up", "sh", "-c", f"mkdir -p /x && ln -s {tmp} /x/out && ln -s ../../../../../../../../../../{tmp} /x/up && "
        f"ln -s {tmp}/secret /x/secret && ln -s /proc/self/root/{tmp} /x/magic")
    for path in ("/x/out/secret", "/x/up/secret", "/x/magic/secret"):
        nau.fails(125, "cp", f"up:{path}", str(tmp / "stolen"), error="not exist|Too many|No such")
        assert not (tmp / "stolen").exists()
    nau.fails(125, "cp", "-L", "up:/x/secret", str(tmp / "stolen"), error="not exist")
    for path in ("/x/out/f", "/x/up/f", "/x/magic/f"):
        nau.fails(125, "cp", str(tmp / "f"), f"up:{path}", error="not exist|Too many|No such")
    nau.fails(125, "cp", str(tmp / "f"), "up:/x/secret", error="not exist")
    assert (tmp / "secret").read_text() == "host\n"
    evil = io.BytesIO()
    with tarfile.open(fileobj=evil, mode="w") as archive:
        info = tarfile.TarInfo("../../escape")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    got = subprocess.run(nau.argv("cp", "-", "up:/tmp"), input=evil.getvalue(), capture_output=True)
    assert got.returncode == 125 and b"leaves its directory" in got.stderr, got
    link = io.BytesIO()
    with tarfile.open(fileobj=link, mode="w") as archive:
        info = tarfile.TarInfo("l")
        info.type, info.linkname = tarfile.SYMTYPE, str(tmp)
        archive.addfile(info)
        info = tarfile.TarInfo("l/planted")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    subprocess.run(nau.argv("cp", "-", "up:/tmp"), input=link.getvalue(), capture_output=True)
    assert not (tmp / "planted").exists()


@test
def nothing_is_mounted_on_the_host_and_a_closed_pipe_is_quiet(nau, tmp):
    containers(nau)
    before = nau.mounts()
    nau("cp", "down:/etc/passwd", str(tmp / "p"))
    assert nau.mounts() == before
    nau("exec", "up", "sh", "-c", "dd if=/dev/zero of=/big bs=1M count=4 2>/dev/null")
    writer = subprocess.Popen(nau.argv("cp", "up:/big", "-"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    writer.stdout.read(10)
    writer.stdout.close()
    assert writer.wait(20) != 0
    assert writer.stderr.read() == b""
    with open(tmp / "f", "w") as f:
        f.write("over\n")
    nau("cp", str(tmp / "f"), "up:/etc/hosts")
    assert nau("exec", "up", "cat", "/etc/hosts").out == "over\n"


@test(needs=["root"])
def a_container_of_rm_starts_after_something_was_copied_into_it(nau, tmp):
    (tmp / "f").write_text("x\n")
    nau("create", "--rm", "--name", "a", nau.image("busybox"), "cat", "/f")
    nau("cp", tmp / "f", "a:/f")  # mounts the root, volatile as it is
    assert nau("start", "-a", "a").out == "x\n"


main()
