"""volume create, ls, inspect, rm, prune, exists, export, import, and volumes that are file systems of their own."""

import io
import os
import subprocess
import tarfile

from nautest import main, test


@test
def from_created_to_removed(nau):
    assert nau("volume", "create", "--label", "app=web", "data").out == "data\n"
    made_up = nau("volume", "create").word
    assert len(made_up) == 64
    assert nau("volume", "ls").lines[0].split() == ["DRIVER", "VOLUME", "NAME"]
    assert sorted(nau("volume", "ls", "-q").lines) == sorted(["data", made_up])
    assert nau("volume", "ls", "-q", "-f", "label=app").lines == ["data"]
    assert nau("volume", "ls", "--format", "{{.Name}} {{.Driver}} {{.Labels.app}}", "-f", "name=data").out == "data local web\n"
    info = nau("volume", "inspect", "data").json()[0]
    assert info["Mountpoint"] == str(nau.root / "volumes" / "default" / "data" / "_data") and info["Scope"] == "local"
    assert os.path.isdir(info["Mountpoint"])
    assert nau("volume", "inspect", "--format", "{{.Mountpoint}}", "data").word == info["Mountpoint"]
    assert nau("volume", "inspect", "--format", "{{.Name}}", made_up[:10]).word == made_up
    nau.fails(125, "volume", "create", "data", error="exists")
    nau("volume", "create", "--ignore", "data")
    nau.fails(125, "volume", "create", "../evil", error="invalid volume name")
    nau.fails(125, "volume", "create", "-d", "nfs", "x", error="nfs")
    nau("volume", "exists", "data")
    nau("volume", "exists", "nosuch", status=1)
    assert nau("volume", "rm", "data").out == "data\n"
    nau.fails(1, "volume", "rm", "data", error="data")
    nau("volume", "rm", "-f", "data")
    nau("volume", "rm", "-a")
    assert nau("volume", "ls", "-q").lines == []


@test
def a_used_volume_is_kept_until_force(nau):
    image = nau.image()
    nau("create", "--name", "user", "-v", "data:/d", image, "true")
    nau.fails(2, "volume", "rm", "data", error="used by container")
    assert nau("volume", "ls", "-q", "-f", "dangling=true").lines == []
    nau("volume", "create", "free")
    nau("volume", "prune", input="n\n")
    assert nau("volume", "prune", "-f").lines == ["free"]
    nau("volume", "rm", "-f", "data")
    assert nau.containers() == [] and nau("volume", "ls", "-q").lines == []


@test
def its_contents_go_out_and_in_as_a_tar(nau, tmp):
    image = nau.image()
    nau("run", "--rm", "-v", "one:/d", image, "sh", "-c", "mkdir /d/s && echo x > /d/s/f && chown -R 12:34 /d/s && ln -s s /d/l")
    raw = subprocess.run(nau.argv("volume", "export", "one"), capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        assert [m.name.rstrip("/") for m in archive] == [".", "l", "s", "s/f"]
    nau("volume", "export", "-o", str(tmp / "v.tar"), "one")
    assert (tmp / "v.tar").read_bytes() == raw
    nau("volume", "create", "two")
    nau("volume", "import", "two", str(tmp / "v.tar"))
    got = nau("run", "--rm", "-v", "two:/d", image, "sh", "-c", "stat -c '%u:%g' /d/s/f; cat /d/l/f").out
    assert got == "12:34\nx\n"
    subprocess.run(nau.argv("volume", "import", "two", "-"), input=raw, check=True)
    nau.fails(125, "volume", "export", "-o", str(tmp / "w.tar"), "nosuch", error="nosuch")
    assert not (tmp / "w.tar").exists()
    nau.fails(125, "volume", "import", "nosuch", str(tmp / "v.tar"), error="nosuch")


@test
def a_volume_can_be_a_file_system_of_its_own(nau, tmp):
    image = nau.image()
    nau("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,mode=1770", "mem")
    out = nau("run", "--rm", "-v", "mem:/m", image, "sh", "-c", "grep ' /m ' /proc/mounts; stat -c %a /m").out
    assert "tmpfs /m tmpfs" in out and "size=1024k" in out and out.endswith("1770\n"), out
    (tmp / "f").write_text("bound\n")
    nau("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", f"device={tmp}", "bound")
    assert nau("run", "--rm", "-v", "bound:/b", image, "cat", "/b/f").out == "bound\n"
    nau.fails(125, "volume", "create", "-o", "frob=1", "x", error="frob")


@test
def events_and_names_of_other_namespaces(nau):
    nau("volume", "create", "mine")
    assert nau("--namespace", "other", "volume", "ls", "-q").lines == []
    nau.fails(1, "--namespace", "other", "volume", "rm", "mine", error="mine")


main()
