"""Images made without nau.

Layer        the entries of one layer, written as a tar archive
write_image  layers + configuration -> an OCI layout with one image, tagged 'latest'
write_index  several layouts -> one layout whose 'latest' is an index
layout(name) the named images of the suites (IMAGES below), made once per machine and kept in the cache
"""

import fcntl
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from . import host

OCI = "application/vnd.oci.image."
MANIFEST, INDEX, CONFIG, LAYER = OCI + "manifest.v1+json", OCI + "index.v1+json", OCI + "config.v1+json", OCI + "layer.v1.tar"
DOCKER = "application/vnd.docker.distribution.manifest."
MANIFEST_TYPES = [INDEX, MANIFEST, DOCKER + "list.v2+json", DOCKER + "v2+json"]
EPOCH = 1_700_000_000  # of everything that has no time of its own


class Layer:
    """A changeset, entry by entry, in the order of the calls. Names are str or bytes, relative to the root.

    Every method takes mode, uid, gid, mtime (seconds, a float for fractions) and xattrs ({name: bytes}).
    """

    def __init__(self, format=tarfile.PAX_FORMAT):
        self.format = format
        self._entries = []

    def directory(self, name, mode=0o755, **meta):
        return self._add(name, tarfile.DIRTYPE, mode, **meta)

    def file(self, name, data=b"", mode=0o644, **meta):
        return self._add(name, tarfile.REGTYPE, mode, data=data.encode() if isinstance(data, str) else data, **meta)

    def symlink(self, name, target, **meta):
        return self._add(name, tarfile.SYMTYPE, 0o777, link=target, **meta)

    def hardlink(self, name, target, **meta):
        return self._add(name, tarfile.LNKTYPE, 0o644, link=target, **meta)

    def device(self, name, kind, major, minor, mode=0o600, **meta):
        return self._add(name, {"c": tarfile.CHRTYPE, "b": tarfile.BLKTYPE}[kind], mode, device=(major, minor), **meta)

    def fifo(self, name, mode=0o644, **meta):
        return self._add(name, tarfile.FIFOTYPE, mode, **meta)

    def whiteout(self, path):
        """Removes the path of the layers below."""
        parent, _, name = path.rpartition("/")
        return self.file((parent + "/" if parent else "") + ".wh." + name)

    def opaque(self, directory):
        """Hides what the layers below have in the directory."""
        return self.file(directory.rstrip("/") + "/.wh..wh..opq")

    def _add(self, name, kind, mode, data=b"", link="", device=(0, 0), uid=0, gid=0, mtime=EPOCH, xattrs=None):
        info = tarfile.TarInfo(name.decode(errors="surrogateescape") if isinstance(name, bytes) else name)
        info.type, info.mode, info.uid, info.gid, info.mtime = kind, mode, uid, gid, mtime
        info.linkname = link.decode(errors="surrogateescape") if isinstance(link, bytes) else link
        info.devmajor, info.devminor = device
        info.size = len(data)
        for key, value in (xattrs or {}).items():
            info.pax_headers["SCHILY.xattr." + key] = value.decode("utf-8", errors="surrogateescape")
        self._entries.append((info, data))
        return self

    def tar(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=self.format, errors="surrogateescape") as archive:
            for info, data in self._entries:
                archive.addfile(info, io.BytesIO(data) if info.isreg() else None)
        return out.getvalue()


class Tar:
    """A layer from a finished archive: bytes, or the path of a file."""

    def __init__(self, data):
        self._data = data

    def tar(self):
        return self._data if isinstance(self._data, bytes) else pathlib.Path(self._data).read_bytes()


def compress(data, compression):
    if compression == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if compression == "zstd":
        return subprocess.run(["zstd", "-3", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    assert compression == "plain", compression
    return data


SUFFIX = {"gzip": "+gzip", "zstd": "+zstd", "plain": ""}


class _Store:
    def __init__(self, directory):
        self.path = pathlib.Path(directory)
        (self.path / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (self.path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def put(self, data, media_type, **more):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        name = hashlib.sha256(data).hexdigest()
        (self.path / "blobs" / "sha256" / name).write_bytes(data)
        return {"mediaType": media_type, "digest": "sha256:" + name, "size": len(data), **more}

    def finish(self, descriptor):
        descriptor = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": "latest"}}
        (self.path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))


def write_image(directory, layers, config=None, compression="gzip", architecture="amd64", variant=None, os_name="linux"):
    """Writes an OCI layout; `compression` is one word for all layers or a list. Returns the directory."""
    store = _Store(directory)
    kinds = [compression] * len(layers) if isinstance(compression, str) else compression
    descriptors, diff_ids = [], []
    for layer, kind in zip(layers, kinds):
        tar = layer.tar()
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
        descriptors.append(store.put(compress(tar, kind), LAYER + SUFFIX[kind]))
    platform = {"architecture": architecture, "os": os_name, **({"variant": variant} if variant else {})}
    image_config = {
        "created": "2024-01-01T00:00:00Z", **platform,
        "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["sh"], **(config or {})},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": "2024-01-01T00:00:00Z", "created_by": f"layer {i}"} for i in range(len(layers))],
    }
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": store.put(image_config, CONFIG), "layers": descriptors}
    store.finish(store.put(manifest, MANIFEST, platform=platform))
    return pathlib.Path(directory)


def write_index(directory, layouts):
    """Writes an OCI layout whose 'latest' is an index of the images of other layouts."""
    store = _Store(directory)
    members = []
    for other in map(pathlib.Path, layouts):
        for blob in (other / "blobs" / "sha256").iterdir():
            shutil.copy(blob, store.path / "blobs" / "sha256" / blob.name)
        member = json.loads((other / "index.json").read_text())["manifests"][0]
        member.pop("annotations", None)
        members.append(member)
    store.finish(store.put({"schemaVersion": 2, "mediaType": INDEX, "manifests": members}, INDEX))
    return store.path


def recompressed(directory, source, compression):
    """A copy of a layout (image or index) whose layers are compressed in another way."""
    store, source = _Store(directory), pathlib.Path(source)

    def read(descriptor):
        return (source / "blobs" / "sha256" / descriptor["digest"].partition(":")[2]).read_bytes()

    def convert(descriptor):
        document = json.loads(read(descriptor))
        extra = {"platform": descriptor["platform"]} if "platform" in descriptor else {}
        if "manifests" in document:
            document["manifests"] = [convert(d) for d in document["manifests"]]
            return store.put(document, INDEX)
        store.put(read(document["config"]), CONFIG)
        document["layers"] = [store.put(compress(gzip.decompress(read(d)), compression), LAYER + SUFFIX[compression])
                              for d in document["layers"]]
        return store.put(document, MANIFEST, **extra)

    store.finish(convert(json.loads((source / "index.json").read_text())["manifests"][0]))
    return store.path


# ---- the images of the suites ---------------------------------------------------------------------


def _busybox_layer():
    """The distribution's static busybox with all its applets, /etc/passwd and the usual directories."""
    from .harness import skip
    busybox = pathlib.Path("/bin/busybox")
    if not busybox.exists():
        skip("needs /bin/busybox (busybox-static)")
    layer = Layer()
    for name in ("bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "usr/bin", "var"):
        layer.directory(name, mode=0o700 if name == "root" else 0o755)
    layer.directory("tmp", mode=0o1777)
    layer.file("bin/busybox", busybox.read_bytes(), mode=0o755)
    for applet in subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, check=True).stdout.decode().split():
        if applet != "busybox":
            layer.symlink(f"bin/{applet}", "busybox")
    layer.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
                             "alice:x:1000:1001:Alice:/home/alice:/bin/sh\nbob:x:1002:1002:Bob:/home/bob:/bin/sh\n")
    layer.file("etc/group", "root:x:0:\nstaff:x:50:alice,bob\nalice:x:1001:\nbob:x:1002:\naudio:x:29:alice\nnogroup:x:65534:\n")
    layer.directory("home/alice", uid=1000, gid=1001)
    return layer


def _busybox(directory):
    write_image(directory, [_busybox_layer()])


def _probe(directory):
    """busybox plus /probe (tests/support/probe.c)."""
    from .harness import skip
    probe = os.environ.get("NAU_PROBE")
    if not probe or not os.path.exists(probe):
        skip("needs the probe program (NAU_PROBE)")
    top = Layer().file("probe", pathlib.Path(probe).read_bytes(), mode=0o755)
    write_image(directory, [_busybox_layer(), top])


def _debian(directory):
    """A debootstrapped Debian: some 7,000 files, 200 MB, one layer."""
    from .harness import skip
    if not host.Host.is_root() or not host.Host.has("debootstrap"):
        skip("needs root and debootstrap")
    uri, suite = _debian_mirror()
    tree = tempfile.mkdtemp(prefix="nau-debootstrap-", dir=host.state_base())
    try:
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        done = subprocess.run(["debootstrap", "--variant=minbase", f"--keyring={keyring}", suite, tree, uri],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            skip("debootstrap does not work here: " + done.stdout.decode(errors="replace").strip().splitlines()[-1])
        subprocess.run(f"find {tree}/dev -mindepth 1 -delete; rm -f {tree}/etc/resolv.conf {tree}/etc/hostname", shell=True, check=True)
        with tempfile.NamedTemporaryFile(dir=host.state_base()) as tar:
            subprocess.run(["tar", "-C", tree, "--sort=name", "--numeric-owner", "--format=pax", "--xattrs",
                            "--pax-option=delete=atime,delete=ctime", "-cf", tar.name, "."], check=True)
            write_image(directory, [Tar(tar.name)], {"Cmd": ["bash"]})
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def _debian_mirror():
    lines = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"],
                           stdout=subprocess.PIPE, check=True).stdout.decode().split("\n")
    release = dict(l.rstrip().split("=", 1) for l in open("/etc/os-release") if "=" in l)
    codename = release["VERSION_CODENAME"].strip('"')
    for line in lines:
        uri, _, suite = line.partition(" ")
        if suite == codename:
            return uri, suite
    raise RuntimeError(f"apt knows no archive of {codename}")


CAP_NET_RAW_EP = bytes.fromhex("0100000200200000000000000000000000000000")  # version 2, effective, permitted bit 13


def _layers8(directory):
    """Eight layers that use everything a layer can say."""
    layers = [_busybox_layer()]

    # 2: files that later layers delete, replace, hide
    l = Layer()
    for name in ("a", "a/deep", "a/deep/er", "b", "c", "d", "kinds", "e"):
        l.directory(name)
    for name in ("a/1", "a/2", "a/deep/3", "a/deep/er/4", "b/1", "b/2", "c/keep", "c/drop", "d/1", "d/2", "e/old"):
        l.file(name, f"layer 2: {name}\n")
    l.file("kinds/file-to-dir", "f").directory("kinds/dir-to-file").file("kinds/dir-to-file/inside", "x")
    l.symlink("kinds/link-to-file", "../c/keep").file("kinds/file-to-link", "f").directory("kinds/dir-to-link").symlink("kinds/link-to-dir", "../a")
    layers.append(l)

    # 3: whiteouts of a file, of a tree, and of things that come again in the same layer
    l = Layer()
    l.directory("a").whiteout("a/1").whiteout("a/deep").directory("c").whiteout("c/drop")
    l.directory("b").opaque("b").file("b/3", "only this one is seen\n")
    l.file("d/1", "replaced without its directory's own entry\n")
    layers.append(l)

    # 4: one kind replaced by another
    l = Layer()
    l.directory("kinds").directory("kinds/file-to-dir").file("kinds/file-to-dir/inside", "new").file("kinds/dir-to-file", "now a file")
    l.file("kinds/link-to-file", "now a file, and c/keep is untouched").symlink("kinds/file-to-link", "dir-to-file")
    l.symlink("kinds/dir-to-link", "../a").directory("kinds/link-to-dir", mode=0o750).file("kinds/link-to-dir/inside", "a is untouched")
    layers.append(l)

    # 5: hard links, inside the layer and to one below
    l = Layer()
    l.directory("links").file("links/one", "three names\n", mode=0o640, uid=7, gid=8).hardlink("links/two", "links/one").hardlink("links/three", "links/one")
    l.symlink("links/sym", "one").hardlink("links/sym-too", "links/sym")
    l.fifo("links/fifo", mode=0o620).hardlink("links/fifo-too", "links/fifo")
    l.file("a/2", "now with a second name\n").hardlink("a/2-too", "a/2")
    layers.append(l)

    # 6: modes, owners, times, xattrs, capabilities, devices
    l = Layer()
    l.directory("meta", mode=0o3775, uid=1000, gid=1001, mtime=1_000_000_000.123456789)
    l.file("meta/setuid", "s", mode=0o4755, uid=1, gid=2).file("meta/setgid", "s", mode=0o2755, uid=3, gid=4)
    l.file("meta/sticky", "s", mode=0o1644).file("meta/none", "s", mode=0).file("meta/all", "s", mode=0o7777, uid=65534, gid=65534)
    l.file("meta/big-ids", "s", uid=3_000_000_000, gid=2_500_000_000).file("meta/before-1970", "s", mtime=-1000)
    l.file("meta/after-2038", "s", mtime=5_000_000_000).file("meta/nanoseconds", "s", mtime=1_600_000_000.987654)
    l.file("meta/capable", "s", mode=0o755, xattrs={"security.capability": CAP_NET_RAW_EP})
    l.file("meta/xattrs", "s", xattrs={"user.plain": b"value", "user.bytes": bytes(range(128, 160)) + b"\n=\0end"})
    l.directory("meta/xattr-dir", xattrs={"user.of": b"a directory"})
    l.symlink("meta/owned-link", "nowhere", uid=5, gid=6, mtime=1_234_567_890)
    l.directory("devices").device("devices/null", "c", 1, 3, 0o666).device("devices/big", "b", 259, 70_000, 0o640, gid=6)
    l.device("devices/zero-one", "c", 0, 1, 0o600).fifo("devices/fifo", mode=0o600)
    layers.append(l)

    # 7: names. GNU format: its long names and raw bytes; the PAX ones are in layer 8.
    l = Layer(tarfile.GNU_FORMAT)
    deep = "names/" + "/".join(["d" * 60] * 6)
    for i in range(1, deep.count("/") + 2):
        l.directory("/".join(deep.split("/")[:i]))
    l.file(deep + "/" + "n" * 255, "a long path\n").file("names/" + "x" * 255, "a name as long as a name can be\n")
    l.file(b"names/latin-\xe9\xff\x80", "not UTF-8\n").file("names/snowman-\u2603 \U0001f980", "UTF-8\n")
    l.file("names/ space ", "s").file("names/new\nline", "s").file("names/back\\slash", "s").file("names/.hidden", "s").file("names/-dash", "s")
    l.file("names/tab\t*?[]{}'\"$`;|&", "s").file("names/wh.not-a-whiteout", "s").symlink("names/long-link", "t" * 1000)
    l.directory("names/..dots").file("names/...", "s").file("./names/dot-slash", "s").file("names//double-slash", "s")
    layers.append(l)

    # 8: a sparse file, and again long and odd names in PAX
    l = Layer()
    l.directory("pax").file("pax/" + "p" * 250, "s").directory("pax/" + "q" * 200).file("pax/" + "/".join(["q" * 200, "r" * 200]), "s")
    l.file("pax/gr\u00fc\u00df", "s").symlink("pax/link-\u00e9", "\u00e9" * 300).directory("sparse")
    layers.append(Tar(_joined(l.tar(), _sparse_tars()[0])))
    write_image(directory, layers)


def _sparse(directory):
    """busybox and /sparse/gnu, /sparse/posix in the two formats of sparse files (umoci knows the second only)."""
    write_image(directory, [_busybox_layer(), Tar(_joined(Layer().directory("sparse").tar(), *_sparse_tars()))])


def _sparse_tars():
    """A sparse file (64 MB, three islands) as GNU tar writes it in its own and in the PAX format."""
    with tempfile.TemporaryDirectory(dir=host.state_base()) as d:
        os.mkdir(f"{d}/sparse")
        results = []
        for name, form in (("posix", "posix"), ("gnu", "gnu")):
            path = f"{d}/sparse/{name}"
            with open(path, "wb") as f:
                f.write(b"start")
                f.seek(32 << 20)
                f.write(b"middle" * 1000)
                f.truncate(64 << 20)
            os.utime(path, (EPOCH, EPOCH))
            os.utime(f"{d}/sparse", (EPOCH, EPOCH))
            tar = subprocess.run(["tar", "-C", d, "--sparse", f"--format={form}", "--numeric-owner", "--owner=0", "--group=0",
                                  "-cf", "-", f"sparse/{name}"], stdout=subprocess.PIPE, check=True).stdout
            os.unlink(path)
            results.append(tar)
    return results


def _joined(*tars):
    """Several archives as one: the end marks between them removed."""
    out = b""
    for tar in tars:
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            archive.getmembers()
            out += tar[:archive.offset]
    return out + bytes(1024)


def _index(directory):
    """An index: linux/amd64 is busybox, linux/arm64/v8 has busybox (of this machine) and /etc/arch."""
    with tempfile.TemporaryDirectory(dir=host.state_base()) as d:
        amd = write_image(f"{d}/amd64", [_busybox_layer(), Layer().file("etc/arch", "amd64\n")])
        arm = write_image(f"{d}/arm64", [_busybox_layer(), Layer().file("etc/arch", "arm64\n")], architecture="arm64", variant="v8")
        write_index(directory, [arm, amd])


IMAGES = {"busybox": _busybox, "probe": _probe, "debian": _debian, "layers8": _layers8, "sparse": _sparse, "index": _index}


def layout(name, compression=None):
    """Path of an OCI layout of a named image, made when it is not in the cache."""
    key = hashlib.sha256(pathlib.Path(__file__).read_bytes() if name != "debian" else b"1")
    if name != "debian":
        key.update(pathlib.Path("/bin/busybox").read_bytes() if os.path.exists("/bin/busybox") else b"")
    if name == "probe" and os.path.exists(os.environ.get("NAU_PROBE", "")):
        key.update(pathlib.Path(os.environ["NAU_PROBE"]).read_bytes())
    base = pathlib.Path(host.cache_dir(), "images")
    base.mkdir(exist_ok=True)
    full = name + (f"-{compression}" if compression else "")
    path = base / f"{full}-{key.hexdigest()[:12]}"
    if path.exists():
        return path
    with open(base / f".{full}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            new = tempfile.mkdtemp(prefix=".new-", dir=base)
            try:
                if compression:
                    recompressed(new, layout(name), compression)
                else:
                    IMAGES[name](new)
                for old in base.glob(f"{full}-" + "?" * 12):
                    shutil.rmtree(old, ignore_errors=True)
                os.rename(new, path)
            except BaseException:
                shutil.rmtree(new, ignore_errors=True)
                raise
    return path
