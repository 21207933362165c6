"""The plumbing: blobs, snapshots, bundles, namespaces and leases as they are."""

import hashlib
import json
import os
import shutil
import subprocess

from nautest import FakeRegistry, layout, main, skip, test
from nautest.trees import compare_trees, read_tree


def blobs_of(nau, image):
    """Digests of manifest, config and layers."""
    found = nau("image", "inspect", image).json()[0]
    manifest = json.loads(nau("content", "get", found["ManifestDigest"]).out)
    return [found["ManifestDigest"], manifest["config"]["digest"], *(l["digest"] for l in manifest["layers"])]


@test
def content_lists_and_gives_blobs_as_they_were_fetched(nau, tmp):
    image = nau.image("layers8")
    wanted = blobs_of(nau, image)
    assert sorted(wanted) == nau("content", "ls", "-q").lines
    for row in nau("content", "ls", "--format", "json").json():
        data = nau("content", "get", row["Digest"]).out_bytes
        assert "sha256:" + hashlib.sha256(data).hexdigest() == row["Digest"] and len(data) == row["Bytes"]
        assert row["State"] == "complete" and row["Referenced"] is True
    nau("content", "get", "-o", tmp / "blob", wanted[0][7:19])
    assert "sha256:" + hashlib.sha256((tmp / "blob").read_bytes()).hexdigest() == wanted[0]
    nau.fails(125, "content", "get", "sha256:" + "0" * 64, error="no blob")
    nau.fails(125, "content", "get", "../../etc/passwd", error="no blob")
    nau.fails(125, "content", "get", "abc", error="no blob")
    path = nau.root / "content/blobs/sha256" / wanted[1][7:]
    data = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(data[:-1] + b"!")
    nau.fails(125, "content", "get", "-o", tmp / "damaged", wanted[1], error="its bytes have digest")
    assert not (tmp / "damaged").exists()


@test
def content_removes_what_nothing_needs(nau):
    image = nau.image("busybox")
    layer = blobs_of(nau, image)[-1]
    nau.fails(2, "content", "rm", layer, error="is part of an image")
    orphan = b"nobody needs this"
    digest = hashlib.sha256(orphan).hexdigest()
    (nau.root / "content/blobs/sha256" / digest).write_bytes(orphan)
    assert nau("content", "ls", "-q", "--unreferenced").lines == ["sha256:" + digest]
    nau("content", "rm", digest[:10])
    assert nau("content", "ls", "-q", "--unreferenced").lines == []
    nau("content", "rm", "-f", layer)
    assert layer not in nau("content", "ls", "-q").lines
    nau("pull", "-q", image)
    assert nau("run", "--rm", image, "echo", "still").word == "still"


@test
def content_fetch_leaves_the_unpacking_to_whoever_runs_it(nau):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/image")
        digest = nau("content", "fetch", reference).word
        assert digest == nau("image", "inspect", "--format", "{{.ManifestDigest}}", reference).word
        assert nau("snapshot", "ls", "-q").lines == []
        fake.requests.clear()
        assert nau("content", "fetch", "-q", reference).word == digest
        assert not [p for _, p, _ in fake.requests if "/blobs/" in p]
    assert nau("run", "--rm", reference, "echo", "unpacked").word == "unpacked"
    assert len(nau("snapshot", "ls", "-q").lines) == 1


@test(needs=["root", "mount"])
def snapshots_are_listed_measured_and_shown_as_mounts(nau, tmp):
    image = nau.image("layers8")
    container = nau("run", "-d", image, "sleep", "1000").word
    rows = nau("snapshot", "ls", "--format", "json").json()
    assert [r["Kind"] for r in rows] == ["committed"] * 8 + ["active"] and rows[-1]["Key"] == container
    assert [r["Parent"] for r in rows] == [""] + [r["Key"] for r in rows[:-1]]
    tree = nau("snapshot", "tree").lines
    assert len(tree) == 9 and tree[0].startswith(rows[0]["Key"]) and tree[-1].strip().startswith("└── " + container)
    sizes = nau("snapshot", "usage", "-b", rows[0]["Key"], container).lines
    files = {p.lstat().st_ino: p.lstat() for p in [nau.root / "snapshots/1/fs", *(nau.root / "snapshots/1/fs").rglob("*")]}
    content = sum(f.st_size for f in files.values() if f.st_mode & 0o170000 == 0o100000)
    assert sizes[0].split()[:2] == [str(content), str(len(files))], (sizes, content, len(files))
    # What is printed shows the layers as the container sees them.
    top = rows[-2]["Key"]
    os.mkdir(tmp / "m")
    script = f"set -e; {nau('snapshot', 'mounts', top, tmp / 'm').word}; tar -C '{tmp}/m' --xattrs --xattrs-include='*' --numeric-owner --sort=name -cf '{tmp}/t' ."
    subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script], check=True)
    os.mkdir(tmp / "tree")
    subprocess.run(["tar", "-C", tmp / "tree", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", tmp / "t"], check=True, stderr=subprocess.DEVNULL)
    linked = {f"links/fifo{n}": ["nlink", "same"] for n in ("", "-too")}  # GNU tar does not link them
    differences = compare_trees(read_tree(tmp / "tree"), read_tree(f"/proc/{nau.pid(container)}/root/"), ignore=["etc", "dev", "proc", "sys", "run"],
                                ignore_fields={".": ["mtime_ns"], **linked})
    assert differences == [], differences


@test
def snapshots_that_are_needed_stay(nau):
    image = nau.image("busybox")
    container = nau("create", image, "true").word
    for key in nau("snapshot", "ls", "-q").lines:
        nau.fails(2, "snapshot", "rm", key, error="is needed by")
    nau.fails(1, "snapshot", "rm", "nothing", error="no snapshot")
    nau("rm", container)
    nau("rmi", image)
    nau("gc")
    assert nau("snapshot", "ls", "-q").lines == []


def with_cgroups_of_version_1(script):
    """A shell whose /sys/fs/cgroup shows hierarchies of version 1 only: what crun and runc of this age take."""
    setup = """
        set -e; umount -R /sys/fs/cgroup; mount -t tmpfs cgroup /sys/fs/cgroup
        for c in cpu cpuacct cpuset memory devices freezer blkio pids; do
            mkdir /sys/fs/cgroup/$c; mount -t cgroup -o $c cgroup /sys/fs/cgroup/$c 2>/dev/null || rmdir /sys/fs/cgroup/$c
        done
        mkdir /sys/fs/cgroup/systemd; mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
    """ if os.path.exists("/sys/fs/cgroup/memory") else "set -e"
    return subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", setup + "\n" + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)


@test(needs=["root", "mount"])
def a_bundle_has_the_tree_of_the_image(nau, tmp):
    image = nau.image("layers8")
    nau("bundle", "create", image, tmp / "b")
    found = read_tree(tmp / "b/rootfs")
    expected = read_tree(nau.rootfs(image) + "/")
    differences = compare_trees(expected, found, ignore=["dev", "proc", "sys", "run", "etc/hosts", "etc/hostname", "etc/resolv.conf"],
                                ignore_fields={".": ["mtime_ns"], "etc": ["mtime_ns"]})
    assert differences == [], differences


@test(needs=["root", "mount"])
def a_bundle_is_run_by_other_runtimes(nau, tmp):
    image = nau.image("busybox")
    nau("bundle", "create", "-e", "A=1", "-u", "alice", "-w", "/var", image, tmp / "b", "sh", "-c", "echo $A $(id -u) $(pwd); cat /proc/1/comm")
    spec = json.loads((tmp / "b/config.json").read_text())
    assert spec["root"]["path"] == "rootfs" and spec["ociVersion"] == "1.0.2" and "cgroupsPath" not in spec["linux"]
    runtimes = [r for r in ("crun", "runc") if shutil.which(r)]
    if not runtimes:
        skip("needs crun or runc")
    for runtime in runtimes:
        name = f"nau-test-{os.getpid()}-{runtime}"
        done = with_cgroups_of_version_1(f"{runtime} --root '{tmp}/state' run -b '{tmp}/b' {name}")
        assert done.stdout.splitlines()[:1] == ["1 1000 /var"], (runtime, done)


@test
def bundles_go_into_empty_directories_only(nau, tmp):
    image = nau.image("busybox")
    (tmp / "full").mkdir()
    (tmp / "full/mine").write_text("x")
    nau.fails(125, "bundle", "create", image, tmp / "full", error="not empty")
    nau.fails(125, "bundle", "create", "-u", "nobody-knows", image, tmp / "new", error="nobody-knows")
    assert sorted(p.name for p in tmp.rglob("*")) == ["full", "mine"]
    nau.fails(125, "bundle", "create", "no-image", tmp / "new", error="no image")
    nau("bundle", "create", image, "relative")
    assert (nau.base / "relative/rootfs/bin/busybox").exists()


@test
def namespaces_are_made_listed_and_removed(nau):
    image = nau.image("busybox")
    nau("namespace", "create", "-l", "a=b", "other")
    rows = {r["Name"]: r for r in nau("namespace", "ls", "--format", "json").json()}
    assert rows["default"]["Images"] == 1 and rows["other"]["Images"] == 0 and rows["other"]["Labels"] == {"a": "b"}
    nau.fails(125, "namespace", "create", "other", error="exists")
    nau.fails(125, "namespace", "create", "a/b", error="a/b")
    nau.fails(2, "namespace", "rm", "default", error="has 1")
    nau.fails(1, "namespace", "rm", "nothing", error="no namespace")
    assert nau("--namespace", "other", "images", "-q").out == ""
    nau("namespace", "rm", "other")
    assert nau("namespace", "ls", "-q").lines == ["default"]
    assert image.split(":")[0] in image


@test
def leases_keep_what_a_failed_pull_has_fetched(nau):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("layers8"), "test/image")
        manifest = json.loads(fake.manifests["test/image", "latest"][1])
        removed = fake.blobs.pop(manifest["layers"][-1]["digest"])
        nau("pull", "-q", reference, status=None)
        rows = nau("lease", "ls", "--format", "json").json()
        assert len(rows) == 1 and rows[0]["Blobs"] >= 10 and rows[0]["Held"] is False, rows
        nau("lease", "rm", rows[0]["ID"])
        nau.fails(1, "lease", "rm", rows[0]["ID"], error="no lease")
        assert nau("lease", "ls", "-q").lines == []
        fake.blobs[manifest["layers"][-1]["digest"]] = removed
        nau("pull", "-q", reference)
        assert nau("lease", "ls", "-q").lines == []


main()
