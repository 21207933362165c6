"""Images of containers and of root file systems: commit, diff, export, import, history, tree."""

import functools
import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import tarfile
import threading

from nautest import layout, main, skip, test
from nautest.trees import compare_trees, read_tree

CHANGE = """
echo new >/etc/new; ln /etc/new /etc/hard; ln -s new /etc/soft; chmod 4750 /etc/new
rm -r /a; mkdir /a; echo fresh >/a/fresh
rm /etc/passwd; mkfifo /fifo; mkdir -m 1777 /sticky; chown 7:8 /sticky; touch -d '1999-12-31 23:59:59' /sticky
"""
CHANGES = ["C /a", "D /a/2", "D /a/2-too", "A /a/fresh", "C /etc", "A /etc/hard", "A /etc/new", "D /etc/passwd", "A /etc/soft", "A /fifo", "A /sticky"]
OWN = ["etc/hostname", "etc/hosts", "etc/resolv.conf", "dev", "proc", "sys", "run", "."]  # what every container gets


def changed(nau, *options):
    """A container of layers8 that has changed its files and sleeps."""
    container = nau("run", "-d", *options, nau.image("layers8"), "sh", "-c", CHANGE + "touch /tmp/done; sleep 1000").word
    nau("exec", container, "sh", "-c", "while [ ! -e /tmp/done ]; do usleep 10000; done; rm /tmp/done")
    return container


def diff_of(nau, name):
    return [l for l in nau("diff", name).lines if l != "C /tmp"]


@test(needs=["root", "mount"])
def diff_lists_what_was_added_changed_and_deleted(nau):
    container = changed(nau)
    before = nau.mounts()
    assert diff_of(nau, container) == CHANGES
    nau("stop", "-t", "0", container)
    assert diff_of(nau, container) == CHANGES
    lists = nau("diff", "--format", "json", container).json()
    assert lists["deleted"] == ["/a/2", "/a/2-too", "/etc/passwd"] and "/a/fresh" in lists["added"] and "/etc" in lists["changed"]
    assert nau("diff", nau("create", nau.image("busybox"), "true").word).out == ""
    assert nau.mounts() == before
    nau.fails(125, "diff", "nothing", error="no container and no image")


@test(needs=["root", "mount"])
def a_committed_image_has_the_files_of_the_container(nau):
    container = changed(nau)
    before, host = read_tree(f"/proc/{nau.pid(container)}/root/"), nau.mounts()
    running = nau("commit", "-q", container, "running:1").word
    nau("stop", "-t", "0", container)
    nau("commit", "-q", container, "stopped:1")
    nau("commit", "-q", "--squash", container, "squashed:1")
    assert nau.mounts() == host
    layers = {n: nau("image", "inspect", n).json()[0]["RootFS"]["Layers"] for n in ("running:1", "stopped:1", "squashed:1")}
    assert len(layers["running:1"]) == 9 and len(layers["squashed:1"]) == 1
    assert layers["running:1"] == layers["stopped:1"], "the same files give the same layer"
    assert running in nau("images", "-q", "--no-trunc").out
    for name in layers:
        found = read_tree(nau.rootfs(name) + "/")
        differences = compare_trees(before, found, ignore=[o for o in OWN if o != "."], ignore_fields={".": ["mtime_ns"], "etc": ["mtime_ns"], "tmp": ["mtime_ns"]})
        assert differences == [], (name, differences)
    assert diff_of(nau, "running:1") == CHANGES


@test
def a_committed_image_runs_what_the_container_was_told(nau):
    image = nau.image("busybox")
    container = nau("create", "-e", "FOO=bar", "--label", "k=v", "-w", "/tmp", "-u", "1000", "--entrypoint", "/bin/echo", image, "hello", "world").word
    nau("commit", "-q", "-a", "Me <me@example.com>", "-m", "a message", container, "c:1")
    found = nau("image", "inspect", "c:1").json()[0]
    config = found["Config"]
    assert (config["Entrypoint"], config["Cmd"], config["User"], config["WorkingDir"]) == (["/bin/echo"], ["hello", "world"], "1000", "/tmp"), config
    assert "FOO=bar" in config["Env"] and not [e for e in config["Env"] if e.startswith(("HOSTNAME=", "HOME=", "container="))]
    assert config["Labels"] == {"k": "v"} and found["Author"] == "Me <me@example.com>"
    assert nau("run", "--rm", "c:1").out == "hello world\n"
    last = nau("history", "--format", "json", "c:1").json()[0]
    assert (last["comment"], last["CreatedBy"], last["emptyLayer"]) == ("a message", "/bin/echo hello world", True), last


@test
def instructions_change_the_image(nau, tmp):
    container = nau("create", nau.image("busybox"), "true").word
    words = ['CMD ["echo", "$A"]', "CMD=echo hi", "ENTRYPOINT [\"/bin/sh\"]", "env A=1 B=\"x y\"", "ENV C the rest of it", "EXPOSE 80 53/udp", "LABEL a=1 b='2 3'",
             "USER 7:8", "WORKDIR /var", "WORKDIR lib", "VOLUME [\"/data\"]", "STOPSIGNAL 9", "ONBUILD RUN x"]
    nau("commit", *[w for c in words for w in ("-c", c)], container, "c:1")
    raw = json.loads((nau.root / "content/blobs/sha256" / nau("image", "inspect", "--format", "{{.Id}}", "c:1").word[7:]).read_text())["config"]
    assert raw["Cmd"] == ["/bin/sh", "-c", "echo hi"] and raw["Entrypoint"] == ["/bin/sh"], raw
    assert {"A=1", "B=x y", "C=the rest of it"} <= set(raw["Env"]), raw
    assert raw["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}} and raw["Labels"] == {"a": "1", "b": "2 3"}
    assert (raw["User"], raw["WorkingDir"], raw["Volumes"], raw["StopSignal"]) == ("7:8", "/var/lib", {"/data": {}}, "SIGKILL")
    assert raw["OnBuild"] == ["RUN x"]
    for wrong in ("FROM x", "CMD", "ENV", "EXPOSE x", "EXPOSE 99999", "ENV =1", "CMD [1]", "LABEL a=\"b", "STOPSIGNAL NOPE"):
        nau.fails(125, "commit", "-c", wrong, container, error=".")
    assert nau("images", "--filter", "dangling=true", "-q").out == ""


@test
def formats_and_names(nau, tmp):
    container = nau("create", nau.image("busybox"), "true").word
    identifier = nau("commit", "-f", "docker", "--iidfile", tmp / "id", container).word
    assert (tmp / "id").read_text() == "sha256:" + identifier
    found = nau("image", "inspect", identifier).json()[0]
    assert found["RepoTags"] == []
    manifest = json.loads((nau.root / "content/blobs/sha256" / found["ManifestDigest"][7:]).read_text())
    assert manifest["mediaType"].startswith("application/vnd.docker") and all("docker" in l["mediaType"] for l in manifest["layers"])
    nau.fails(125, "commit", container, "Bad Name", error="Bad Name")
    nau.fails(125, "commit", "nothing", error="nothing")
    nau("rmi", identifier)


@test(needs=["root", "mount", "cgroup:freezer"])
def a_running_container_goes_on_after_the_commit(nau):
    container = nau("run", "-d", nau.image("busybox"), "sh", "-c", "while :; do echo x >>/count; usleep 1000; done").word
    for option in ("--pause", "--pause=false"):
        nau("commit", "-q", option, container)
        assert nau("inspect", "--format", "{{.State.Status}}", container).word == "running"
    first = nau("exec", container, "wc", "-c", "/count").out
    nau("exec", container, "usleep", "50000")
    assert nau("exec", container, "wc", "-c", "/count").out != first
    nau("pause", container)
    nau("commit", "-q", container)
    assert nau("inspect", "--format", "{{.State.Status}}", container).word == "paused", "who was paused stays so"
    nau("unpause", container)


@test(needs=["root", "mount"])
def volumes_and_mounts_are_left_out(nau, tmp):
    (tmp / "host").write_text("host")
    container = nau("run", "-d", "-v", f"{tmp / 'host'}:/etc/from-host", "-v", "vol:/data", "--tmpfs", "/scratch", nau.image("busybox"), "sh", "-c",
                    "touch /data/x /scratch/x; sleep 1000").word
    nau("commit", "-q", container, "c:1")
    names = nau("run", "--rm", "c:1", "find", "/etc/from-host", "/data", "/scratch", status=None).out
    assert names == "", names
    assert "/data" not in nau("diff", container).out and "/scratch" not in nau("diff", container).out


@test(needs=["root", "mount"])
def export_gives_the_tree_and_import_takes_it(nau, tmp):
    container = changed(nau)
    before = read_tree(f"/proc/{nau.pid(container)}/root/")
    nau("export", "-o", tmp / "one.tar", container)
    nau("stop", "-t", "0", container)
    (tmp / "two.tar").write_bytes(nau("export", container).out_bytes)
    assert hashlib.sha256((tmp / "one.tar").read_bytes()).digest() == hashlib.sha256((tmp / "two.tar").read_bytes()).digest()
    os.mkdir(tmp / "tree")
    subprocess.run(["tar", "-C", tmp / "tree", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", tmp / "one.tar"], check=True)
    differences = compare_trees(before, read_tree(tmp / "tree"), ignore=OWN[:-1] + ["tmp"], ignore_fields={".": ["mtime_ns"], "etc": ["mtime_ns"]})
    differences = [d for d in differences if not d.startswith(".: ")]
    assert differences == [], differences
    nau("import", "-q", tmp / "one.tar", "imported:1")
    found = read_tree(nau.rootfs("imported:1") + "/")
    differences = compare_trees(before, found, ignore=OWN[:-1] + ["tmp"], ignore_fields={".": ["mtime_ns", "mode"], "etc": ["mtime_ns"]})
    assert differences == [], differences


def small_tar():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as out:
        busybox = layout("busybox")
        manifest = json.loads((busybox / "index.json").read_text())["manifests"][0]["digest"][7:]
        layer = json.loads((busybox / "blobs/sha256" / manifest).read_text())["layers"][0]["digest"][7:]
        with tarfile.open(busybox / "blobs/sha256" / layer) as source:
            for member in source:
                out.addfile(member, source.extractfile(member) if member.isreg() else None)
    return buffer.getvalue()


@test
def import_reads_files_streams_and_urls(nau, tmp):
    plain = small_tar()
    (tmp / "plain.tar").write_bytes(plain)
    (tmp / "packed.tgz").write_bytes(gzip.compress(plain, mtime=0))

    class Files(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(tmp)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    layers = set()
    for number, (source, data) in enumerate([(tmp / "plain.tar", None), (tmp / "packed.tgz", None), ("-", plain), ("-", gzip.compress(plain)),
                                             (base + "/plain.tar", None), (base + "/packed.tgz", None)]):
        name = f"i:{number}"
        nau("import", "-m", "mine", "-c", "CMD [\"echo\", \"imported\"]", source, name, input=data)
        assert nau("run", "--rm", name).out == "imported\n"
        layers.update(nau("image", "inspect", name).json()[0]["RootFS"]["Layers"])
        assert nau("history", "--format", "{{.Comment}}", name).word == "mine"
    assert layers == {"sha256:" + hashlib.sha256(plain).hexdigest()}
    nau.fails(125, "import", base + "/nothing", error="404")
    server.shutdown()
    nau("import", "--os", "linux", "--arch", "arm64", "--variant", "v8", tmp / "plain.tar", "arm:1")
    assert nau("image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", "arm:1").word == "linux/arm64"


@test
def what_is_no_tar_is_not_imported(nau, tmp):
    tar = small_tar()
    for name, data, error in (("empty", b"", "empty"), ("text", b"no tar at all" * 100, "tar"), ("cut", tar[: len(tar) // 2], "truncated|ends"),
                              ("xz", b"\xfd7zXZ\x00" + bytes(600), "xz"), ("cutgz", gzip.compress(tar)[:-100], "gzip|ends|truncated")):
        (tmp / name).write_bytes(data)
        nau.fails(125, "import", tmp / name, "x:1", error=error)
        nau.fails(125, "import", "-", "x:1", input=data, error=error)
    nau.fails(125, "import", tmp / "nothing", error="No such file")
    nau.fails(125, "import", tmp, error="directory")
    assert nau("images", "-q").out == ""


@test
def history_and_tree_tell_of_every_layer(nau):
    image = nau.image("layers8")
    rows = nau("history", "--no-trunc", "--format", "{{.ID}} {{.CreatedBy}} {{.Size}}", image).lines
    assert len(rows) == 8 and rows[0].startswith("sha256:") and "layer 7" in rows[0] and rows[-1].startswith("<missing> layer 0")
    sizes = [l["size"] for l in nau("history", "--format", "json", image).json()]
    assert sum(sizes) == nau("image", "inspect", image).json()[0]["Size"]
    assert len(nau("history", "-q", image).lines) == 8
    tree = nau("image", "tree", image).lines
    assert len([l for l in tree if "── ID: " in l]) == 8 and tree[-1].startswith("└──") and f"Top Layer of: [{image}]" in tree[-1]


@test
def other_tools_read_what_is_committed(nau, tmp):
    if not shutil.which("umoci") or os.geteuid() != 0:
        skip("needs umoci and root")
    container = changed(nau)
    nau("commit", "-q", container, "c:1")
    before = read_tree(f"/proc/{nau.pid(container)}/root/")
    nau("save", "--format", "oci-dir", "-o", tmp / "oci", "c:1")
    subprocess.run(["umoci", "unpack", "--image", f"{tmp / 'oci'}:1", tmp / "bundle"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = read_tree(tmp / "bundle/rootfs")
    differences = compare_trees(before, found, ignore=OWN[:-1] + ["tmp"], ignore_fields={".": ["mtime_ns"], "etc": ["mtime_ns"], "sparse": ["mtime_ns"]})
    assert differences == [], differences


main()
