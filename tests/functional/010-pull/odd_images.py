"""Images that are strange without being hostile: mixed types, no layers, the same layer twice, of another machine; and tokens
that end while they are in use. What cannot be had is one clear error and leaves nothing."""

import json
import os

from nautest import FakeRegistry, Layer, layout, main, test, write_image
from nautest.images import DOCKER, INDEX, LAYER, MANIFEST, SUFFIX


def nothing_is_left(nau):
    """No image, no container, and after the upkeep no bytes either."""
    assert nau("images", "-aq").out == "" and nau("ps", "-aq").out == ""
    nau("system", "prune", "-a", "-f")
    nau("system", "upkeep")
    for directory in ("content/blobs/sha256", "content/ingest", "snapshots"):
        path = nau.root / directory
        assert not path.exists() or os.listdir(path) == [], (directory, os.listdir(path))


def documents(fake, name):
    manifest = json.loads(fake.manifests[name, "latest"][1])
    return manifest, json.loads(fake.blobs[manifest["config"]["digest"]])


def changed(fake, name, change):
    """The image under the same name with its manifest and config changed by `change`."""
    manifest, config = documents(fake, name)
    change(manifest, config)
    data = json.dumps(config).encode()
    manifest["config"].update(digest=fake.put_blob(data), size=len(data))
    fake.put_manifest(name, "latest", manifest, manifest.get("mediaType", MANIFEST))
    return f"{fake.address}/{name}:latest"


def works(nau, image):
    assert nau("run", "--rm", "--network", "none", image, "echo", "works").out == "works\n"
    assert nau("fsck", "-n").status == 0


# --- media types


@test
def words_of_both_families_in_one_manifest(nau):
    """A layer is what its type says of its compression, whichever family's word that is."""

    def docker_layers(manifest, _):
        manifest["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip"

    def docker_config(manifest, _):
        manifest["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json"

    def oci_in_docker(manifest, _):
        manifest["mediaType"] = DOCKER + "v2+json"

    for change in (docker_layers, docker_config, oci_in_docker):
        with FakeRegistry() as fake:
            fake.put_layout(layout("busybox"), "test/mixed")
            image = changed(fake, "test/mixed", change)
            nau("pull", "-q", image)
            works(nau, image)
            nau("rmi", image)


@test
def a_compression_that_is_not_what_the_type_says(nau, tmp):
    """gzip under zstd's name and the other way round: the bytes decide nothing, and nothing is left."""
    for named, packed in (("zstd", "gzip"), ("gzip", "zstd"), ("plain", "gzip")):
        source = write_image(tmp / f"{named}-{packed}", [Layer().file("a", "x" * 5000)], compression=packed)
        with FakeRegistry() as fake:
            fake.put_layout(source, "test/image")

            def change(manifest, _, named=named):
                manifest["layers"][0]["mediaType"] = LAYER + SUFFIX[named]

            result = nau("pull", changed(fake, "test/image", change), status=None)
            if result.status != 0:
                assert result.status == 125 and "Error: pulling" in result.err, result
                nothing_is_left(nau)
            else:
                assert nau("fsck", "-n", "--deep").status == 0
                nau("rmi", "-f", f"{fake.address}/test/image:latest")


@test
def types_that_are_no_layers_and_no_images(nau):
    def artifact(manifest, _):
        manifest["layers"][0]["mediaType"] = "application/vnd.example.chart.tar+gzip"

    def no_type(manifest, _):
        manifest["layers"][0]["mediaType"] = "text/plain"

    for change in (artifact, no_type):
        with FakeRegistry() as fake:
            fake.put_layout(layout("busybox"), "test/artifact")
            image = changed(fake, "test/artifact", change)
            nau.fails(125, "pull", image, error="which is no file system layer")
            nothing_is_left(nau)
    with FakeRegistry() as fake:
        fake.put_layout(layout("busybox"), "test/image")
        manifest, _ = documents(fake, "test/image")
        fake.put_manifest("test/image", "latest", manifest, "text/html")
        result = nau("pull", f"{fake.address}/test/image:latest", status=None)
        if result.status != 0:
            assert result.status == 125 and result.err.count("Error: ") == 1, result
            nothing_is_left(nau)


@test
def an_index_whose_member_is_of_another_type_than_it_says(nau):
    with FakeRegistry() as fake:
        fake.put_layout(layout("busybox"), "test/image")
        data = fake.manifests["test/image", "latest"][1]
        digest = next(key for name, key in fake.manifests if name == "test/image" and key != "latest")
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
            {"mediaType": INDEX, "digest": digest, "size": len(data), "platform": {"os": "linux", "architecture": "amd64"}}]}
        fake.put_manifest("test/image", "index", index, INDEX)
        result = nau.fails(125, "pull", f"{fake.address}/test/image:index", error="pulling")
        assert result.err.count("Error: ") == 1, result
        nothing_is_left(nau)


# --- layers


@test
def an_image_without_layers(nau, tmp):
    """It can be pulled, looked at, kept and removed; there is nothing in it to run."""
    source = write_image(tmp / "image", [], config={"Cmd": ["/true"]})
    with FakeRegistry() as fake:
        image = fake.put_layout(source, "test/empty")
        nau("pull", "-q", image)
        assert nau.json("images")[0]["Size"] == 0
        assert nau("history", "-q", image).status == 0
        nau("save", "-o", tmp / "saved.tar", image)
        result = nau("run", "--rm", "--network", "none", image, status=127)
        assert result.err.count("Error: ") == 1 and "/true" in result.err, result
        c = nau("create", "--network", "none", image).word
        nau("export", "-o", tmp / "tree.tar", c)
        nau("rm", c)
        assert nau("fsck", "-n").status == 0
        nau("rmi", image)
        nau("load", "-q", "-i", tmp / "saved.tar")
        nau("rmi", image)
        nothing_is_left(nau)


@test
def a_config_of_more_or_fewer_layers_than_the_manifest(nau):
    def one_more(manifest, config):
        config["rootfs"]["diff_ids"].append("sha256:" + "1" * 64)

    def one_less(manifest, config):
        config["rootfs"]["diff_ids"].pop()

    for change in (one_more, one_less):
        with FakeRegistry() as fake:
            fake.put_layout(layout("busybox"), "test/image")
            image = changed(fake, "test/image", change)
            nau.fails(125, "pull", image, error="the manifest has 1 layers, but the image config [02] diffIDs")
            nothing_is_left(nau)


@test
def the_same_layer_several_times(nau, tmp):
    """Fetched once; each stands where it stands in the stack."""
    base = layout("busybox")
    with FakeRegistry() as fake:
        fake.put_layout(base, "test/image")
        empty = write_image(tmp / "other", [Layer().file("etc/once", "1"), Layer().whiteout("etc/once")])
        fake.put_layout(empty, "test/other")
        other, other_config = documents(fake, "test/other")

        def change(manifest, config):
            for i in (0, 1, 0, 1, 0):
                manifest["layers"].append(other["layers"][i])
                config["rootfs"]["diff_ids"].append(other_config["rootfs"]["diff_ids"][i])

        image = changed(fake, "test/image", change)
        fake.requests.clear()
        nau("pull", "-q", image)
        fetched = [path for method, path, _ in fake.requests if method == "GET" and "/blobs/" in path]
        assert len(fetched) == len(set(fetched)) == 1 + 3, fetched
        assert nau("run", "--rm", "--network", "none", image, "cat", "/etc/once").out == "1"
        assert nau("fsck", "-n", "--deep").status == 0
        assert len(nau("image", "inspect", image).json()[0]["RootFS"]["Layers"]) == 6
        nau("save", "-o", tmp / "saved.tar", image)
        nau("rmi", image)
        nau("load", "-q", "-i", tmp / "saved.tar")
        assert nau("run", "--rm", "--network", "none", image, "cat", "/etc/once").out == "1"
        nau("rmi", image)
        nothing_is_left(nau)


# --- other machines


@test
def an_image_for_another_machine(nau, tmp):
    source = write_image(tmp / "image", [Layer().file("bin/sh", "\x7fELF", mode=0o755)], architecture="s390x")
    with FakeRegistry() as fake:
        image = fake.put_layout(source, "test/foreign")
        nau.fails(125, "pull", "--platform", "linux/amd64", image, error="the image is for platform linux/s390x, not for linux/amd64")
        nothing_is_left(nau)
        result = nau("pull", "-q", image)  # may be one with a wrong label
        assert "the image is for platform linux/s390x" in result.err and result.err.count("\n") == 1, result
        result = nau("run", "--rm", "--network", "none", image, "/bin/sh", status=126)
        assert result.err.count("Error: ") == 1 and "/bin/sh: Exec format error" in result.err, result
        assert nau("ps", "-aq").out == ""
        nau("rmi", image)
        nau("pull", "-q", "--platform", "linux/s390x", image)
        nau("rmi", image)
        nothing_is_left(nau)


@test
def another_operating_system(nau, tmp):
    source = write_image(tmp / "image", [Layer().file("Files/x", "x")], os_name="windows")
    with FakeRegistry() as fake:
        image = fake.put_layout(source, "test/foreign")
        result = nau("pull", "-q", image, status=None)
        assert "windows/amd64" in result.err, result
        nau("rmi", "-f", image, status=None)
        nothing_is_left(nau)


# --- tokens


class Tokens:
    """A registry that wants bearer tokens, gives them itself, and lets each be good for `uses` requests."""

    def __init__(self, fake, uses):
        self.fake, self.uses = fake, uses
        self.issued = 0
        fake.hook = self.hook

    def hook(self, handler, method, path):
        if path.startswith("/token"):
            self.issued += 1
            self.left = self.uses
            handler.answer(200, {"Content-Type": "application/json"},
                           json.dumps({"token": f"t{self.issued}", "expires_in": 60}).encode())
            return True
        if handler.headers.get("Authorization") == f"Bearer t{self.issued}" and self.left > 0:
            self.left -= 1
            return False
        challenge = f'Bearer realm="http://{self.fake.address}/token",service="test",scope="repository:test/image:pull"'
        handler.answer(401, {"WWW-Authenticate": challenge, "Content-Type": "application/json"},
                       b'{"errors":[{"code":"UNAUTHORIZED","message":"token expired"}]}')
        return True


@test
def a_token_that_ends_in_the_middle_is_asked_for_again(nau):
    with FakeRegistry() as fake:
        image = fake.put_layout(layout("layers8"), "test/image")
        tokens = Tokens(fake, 3)
        nau("pull", "-q", "--max-concurrent-downloads", "1", image)
        assert tokens.issued >= 3, tokens.issued
        assert len(nau("images", "-q").lines) == 1 and nau("fsck", "-n").status == 0


@test
def tokens_that_are_never_good_end_in_one_error(nau):
    with FakeRegistry() as fake:
        image = fake.put_layout(layout("busybox"), "test/image")
        tokens = Tokens(fake, 0)
        result = nau.fails(125, "pull", image, error="pulling 127.0.0.1")
        assert "token expired" in result.err or "nau login" in result.err, result
        assert tokens.issued <= 4, tokens.issued
        assert "t1" not in result.err.split(), result
        nothing_is_left(nau)


@test
def a_token_that_ends_for_good_in_the_middle_keeps_what_is_there(nau):
    with FakeRegistry() as fake:
        image = fake.put_layout(layout("layers8"), "test/image")
        tokens = Tokens(fake, 1000)
        fetched = []

        def hook(handler, method, path):
            if "/blobs/" in path and method == "GET":
                fetched.append(path)
                if len(fetched) > 3:
                    tokens.uses = tokens.left = 0
            return tokens.hook(handler, method, path)

        fake.hook = hook
        result = nau.fails(125, "pull", "--max-concurrent-downloads", "1", image, error="pulling")
        assert result.err.count("Error: ") == 1 and nau("images", "-q").out == "", result
        fake.hook, before = None, len(fake.requests)
        nau("pull", "-q", image)
        again = {path for method, path, _ in fake.requests[before:] if method == "GET" and "/blobs/" in path}
        assert not again & set(fetched[:3]), (again, fetched)  # what was complete has not come again
        nau("rmi", image)
        nothing_is_left(nau)


main()
