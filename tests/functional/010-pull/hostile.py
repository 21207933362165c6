"""Registries that lie and images that attack: one clear error, nothing in the store, nothing on the host."""

import gzip
import hashlib
import json
import os

from nautest import FakeRegistry, Layer, layout, main, test, write_image
from nautest.images import CONFIG, LAYER, MANIFEST, Tar, compress


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def nothing_is_stored(nau):
    assert nau("images", "-q").out == ""
    ingest = nau.root / "content" / "ingest"
    assert not ingest.exists() or not list(ingest.iterdir()), list(ingest.iterdir())


def layer_digest(fake, name):
    manifest = json.loads(fake.manifests[name, "latest"][1])
    return manifest["layers"][-1]["digest"]


@test
def a_blob_with_one_wrong_byte(nau):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/image")
        name = layer_digest(fake, "test/image")
        data = bytearray(fake.blobs[name])
        data[len(data) // 2] ^= 1
        fake.blobs[name] = bytes(data)
        nau.fails(125, "pull", reference, error=name[:19])
        assert nau("images", "-q").out == ""


@test
def a_blob_that_ends_early(nau):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/image")
        name = layer_digest(fake, "test/image")
        fake.blobs[name] = fake.blobs[name][:-100]
        nau.fails(125, "pull", reference, error=name[:19])
        assert nau("images", "-q").out == ""


@test
def a_blob_longer_than_its_descriptor_says(nau):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/image")
        name = layer_digest(fake, "test/image")
        fake.blobs[name] += b"more"
        nau.fails(125, "pull", reference, error=name[:19])
        assert nau("images", "-q").out == ""


@test(timeout=120)
def a_connection_that_breaks_is_tried_again(nau):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/image")
        name = layer_digest(fake, "test/image")
        broken = []

        def hook(handler, method, path):
            if path.endswith(name) and method == "GET" and len(broken) < 2 and not handler.headers.get("Range"):
                broken.append(path)
                data = fake.blobs[name]
                handler.answer(200, {"Content-Length": str(len(data))}, data[: len(data) // 3])
                handler.close_connection = True
                return True
            return False

        fake.hook = hook
        nau("pull", "-q", reference, timeout=100)
        assert broken


@test
def a_manifest_that_is_not_what_the_digest_says(nau):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/image")
        other = "sha256:" + "1" * 64
        fake.manifests["test/image", other] = fake.manifests["test/image", "latest"]
        nau.fails(125, "pull", reference.rpartition(":")[0] + "@" + other, error="sha256:1111")
        nothing_is_stored(nau)


@test
def a_layer_whose_diff_id_differs(nau, tmp):
    write_image(tmp / "image", [Layer().file("a", "a")])
    with FakeRegistry() as fake:
        reference = fake.put_layout(tmp / "image", "test/image")
        manifest = json.loads(fake.manifests["test/image", "latest"][1])
        config = json.loads(fake.blobs[manifest["config"]["digest"]])
        config["rootfs"]["diff_ids"][0] = "sha256:" + "2" * 64
        data = json.dumps(config).encode()
        manifest["config"] = {"mediaType": CONFIG, "digest": fake.put_blob(data), "size": len(data)}
        fake.put_manifest("test/image", "latest", manifest)
        nau.fails(125, "pull", reference, error="sha256:2222|diff")
        assert nau("images", "-q").out == ""


@test
def digests_that_are_no_digests(nau):
    with FakeRegistry() as fake:
        data = gzip.compress(b"")
        for bad in ("sha256:../../../../etc/passwd", "sha256:" + "A" * 64, "sha256:abc", "md5:" + "a" * 32, "", "sha256", "../x",
                    "sha256:" + "a" * 63 + "/", 7, None):
            for member in ("config", "layers"):
                manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                            "config": {"mediaType": CONFIG, "digest": fake.put_blob(b"{}"), "size": 2},
                            "layers": [{"mediaType": LAYER + "+gzip", "digest": fake.put_blob(data), "size": len(data)}]}
                target = manifest["config"] if member == "config" else manifest["layers"][0]
                target["digest"] = bad
                fake.put_manifest("test/image", "latest", manifest)
                nau.fails(125, "pull", f"{fake.address}/test/image:latest")
        nothing_is_stored(nau)


@test
def documents_that_are_no_manifests(nau):
    with FakeRegistry() as fake:
        for text in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"schemaVersion": 1}', b'{"schemaVersion": 2}', b"[" * 100000,
                     b'{"schemaVersion":2,"config":[],"layers":{}}', b'{"schemaVersion":2,"manifests":[1]}'):
            fake.put_manifest("test/image", "latest", text)
            nau.fails(125, "pull", f"{fake.address}/test/image:latest")
        nothing_is_stored(nau)


@test
def a_document_that_is_manifest_and_index_at_once(nau):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/image")
        manifest = json.loads(fake.manifests["test/image", "latest"][1])
        manifest["manifests"] = []
        fake.put_manifest("test/image", "latest", manifest)
        nau.fails(125, "pull", reference)
        nothing_is_stored(nau)


@test
def a_manifest_without_end(nau):
    with FakeRegistry() as fake:
        fake.put_manifest("test/image", "latest", b'{"schemaVersion": 2, "x": "' + b"x" * (32 << 20) + b'"}')
        nau.fails(125, "pull", f"{fake.address}/test/image:latest", error="large|big|limit|size")
        nothing_is_stored(nau)


@test
def garbage_instead_of_a_layer(nau, tmp):
    for number, (data, kind) in enumerate([(b"not a tar" * 1000, "plain"), (b"\x1f\x8b\x08garbage" * 100, "gzip-raw"),
                                           (b"\x28\xb5\x2f\xfd garbage" * 100, "zstd-raw"), (compress(b"x" * 5000, "gzip"), "gzip-raw"),
                                           (compress(Layer().file("a", "a" * 9000).tar(), "gzip")[:-20], "gzip-raw")]):
        write_image(tmp / str(number), [Layer().file("a", "a")])
        with FakeRegistry() as fake:
            reference = fake.put_layout(tmp / str(number), "test/image")
            manifest = json.loads(fake.manifests["test/image", "latest"][1])
            suffix = "" if kind == "plain" else "+" + kind.partition("-")[0]
            manifest["layers"] = [{"mediaType": LAYER + suffix, "digest": fake.put_blob(data), "size": len(data)}]
            fake.put_manifest("test/image", "latest", manifest)
            nau.fails(125, "pull", reference)
            assert nau("images", "-q").out == ""


def pull_attack(nau, tmp, layers):
    """Pulls an image of these layers; returns the result, whatever its status."""
    write_image(tmp / "image", layers)
    with FakeRegistry() as fake:
        return nau("pull", fake.put_layout(tmp / "image", "test/image"), status=None)


@test
def layers_that_want_to_write_outside(nau, tmp):
    """Whether such a layer is refused or contained: the host is untouched, and nau says so or succeeds."""
    outside = tmp / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    target = str(outside)
    up = "../" * 20 + target.lstrip("/")
    attacks = {
        "absolute": [Layer().file(target + "/new", "x")],
        "dots": [Layer().file(up + "/new", "x")],
        "dots-inside": [Layer().directory("a").file("a/../" + up + "/new", "x")],
        "through-a-link": [Layer().symlink("l", target).file("l/new", "x")],
        "through-a-relative-link": [Layer().symlink("l", up).file("l/new", "x")],
        "through-a-link-below": [Layer().symlink("l", target), Layer().file("l/new", "x")],
        "through-two-links": [Layer().symlink("a", "b").symlink("b", target), Layer().file("a/new", "x")],
        "hard-link-out": [Layer().hardlink("h", target + "/kept").file("h", "changed")],
        "hard-link-dots": [Layer().hardlink("h", up + "/kept").file("h", "changed")],
        "hard-link-through-link": [Layer().symlink("l", target).hardlink("h", "l/kept").file("h", "changed")],
        "whiteout-out": [Layer().file(target + "/.wh.kept")],
        "whiteout-dots": [Layer().file("a/../" + up + "/.wh.kept")],
        "whiteout-link": [Layer().symlink("l", target), Layer().file("l/.wh.kept")],
        "opaque-link": [Layer().symlink("l", target), Layer().file("l/.wh..wh..opq")],
        "whiteout-of-dots": [Layer().directory("a").file("a/.wh...")],
        "whiteout-of-dot": [Layer().directory("a").file("a/.wh..")],
        "directory-over-link": [Layer().symlink("l", target).directory("l", mode=0o777, uid=5)],
        "device-through-link": [Layer().symlink("l", target).device("l/null", "c", 1, 3)],
    }
    before = sorted((e.name, e.stat().st_mode, e.stat().st_uid) for e in os.scandir(outside))
    mode = os.stat(outside).st_mode, os.stat(outside).st_uid
    for name, layers in attacks.items():
        case = tmp / name
        case.mkdir()
        result = pull_attack(nau, case, layers)
        assert result.status in (0, 125), (name, result)
        assert sorted((e.name, e.stat().st_mode, e.stat().st_uid) for e in os.scandir(outside)) == before, name
        assert (os.stat(outside).st_mode, os.stat(outside).st_uid) == mode, name
        assert (outside / "kept").read_text() == "kept", name


@test
def xattrs_that_would_steer_the_overlay_are_not_taken_from_a_layer(nau, tmp):
    layers = [Layer().directory("a").file("a/hidden", "x"),
              Layer().directory("a", xattrs={"trusted.overlay.opaque": b"y"}).file("b", "b", xattrs={"trusted.overlay.redirect": b"/etc"})]
    result = pull_attack(nau, tmp, layers)
    assert result.status in (0, 125), result
    for directory, _, names in os.walk(nau.root / "snapshots"):
        for name in names:
            listed = os.listxattr(os.path.join(directory, name), follow_symlinks=False)
            assert "trusted.overlay.redirect" not in listed, (directory, name)


@test(timeout=120)
def a_bomb_ends_in_bounded_memory(nau, tmp):
    """4 GiB of zeros as one file in 4 MB of gzip: an error or the file, but not the memory of the machine."""
    import resource
    import zlib

    path = tmp / "bomb.tar"
    header = Layer().file("zeros", b"").tar()[:512]
    import tarfile
    info = tarfile.TarInfo("zeros")
    info.size = 1 << 30
    header = info.tobuf(tarfile.GNU_FORMAT)
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    sha = hashlib.sha256()
    data = b""
    block = bytes(1 << 20)
    for part in [header] + [block] * 1024 + [bytes(1024)]:
        sha.update(part)
        data += compressor.compress(part)
    data += compressor.flush()
    write_image(tmp / "image", [Tar(b"")])
    with FakeRegistry() as fake:
        reference = fake.put_layout(tmp / "image", "test/image")
        manifest = json.loads(fake.manifests["test/image", "latest"][1])
        config = json.loads(fake.blobs[manifest["config"]["digest"]])
        config["rootfs"]["diff_ids"] = ["sha256:" + sha.hexdigest()]
        text = json.dumps(config).encode()
        manifest["config"] = {"mediaType": CONFIG, "digest": fake.put_blob(text), "size": len(text)}
        manifest["layers"] = [{"mediaType": LAYER + "+gzip", "digest": fake.put_blob(data), "size": len(data)}]
        fake.put_manifest("test/image", "latest", manifest)
        result = nau("pull", "-q", reference, status=None, timeout=100)
        assert result.status in (0, 125), result
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        limit = 600_000 if "ASAN_OPTIONS" in nau.env else 100_000
        assert peak < limit, f"{peak} kB at the peak"
    assert not path.exists()


main()
