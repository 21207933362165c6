"""Pushing: the bytes that came go out again, what is there is not sent, and skopeo, podman and umoci read what arrived."""

import json
import os
import subprocess

from nautest import FakeRegistry, Layer, Registry, main, test
from nautest.images import DOCKER, INDEX, LAYER, MANIFEST


def requests_since(registry, mark):
    """(method, path) of what docker-registry was asked since `mark` characters of its log."""
    lines = []
    for line in registry.log()[mark:].splitlines():
        if '"' in line and " HTTP/1.1" in line:
            words = line.partition('"')[2].split()
            lines.append((words[0], words[1]))
    return lines


def skopeo(*words):
    done = subprocess.run(["skopeo", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "no_proxy": "*"})
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def manifest_of(registry, name, tag="latest"):
    headers, data = registry.fetch(f"{name}/manifests/{tag}")
    return headers["Content-Type"], json.loads(data)


@test
def an_image_keeps_its_digest(nau, registry):
    source = registry.add("layers8")
    nau("pull", "-q", source)
    target = registry.reference("pushed/layers8")
    result = nau("push", source, target)
    digest = registry.digest("test/layers8")
    assert result.word == digest
    assert registry.digest("pushed/layers8") == digest
    skopeo("copy", "-q", "--src-tls-verify=false", f"docker://{target}", f"dir:{nau.root}/../copy")
    assert "index.docker.io" not in result.err


@test
def what_the_registry_has_is_not_sent_again(nau, tmp):
    with Registry() as r:
        source = r.add("layers8")
        nau("pull", "-q", source)
        mark = len(r.log())
        nau("push", "-q", source)
        asked = requests_since(r, mark)
        assert {method for method, path in asked if "/blobs/" in path} == {"HEAD"}, asked
        assert [path for method, path in asked if method == "PUT"] == ["/v2/test/layers8/manifests/latest"]


@test
def layers_of_another_repository_are_mounted(nau):
    with Registry() as r:
        source = r.add("layers8")
        nau("pull", "-q", source)
        mark = len(r.log())
        result = nau("push", source, r.reference("other/app", "v1"))
        asked = requests_since(r, mark)
        layers = {layer["digest"] for layer in manifest_of(r, "other/app", "v1")[1]["layers"]}
        mounts = [path for method, path in asked if method == "POST" and "mount=" in path]
        assert len(mounts) == len(layers) and all("from=test%2Flayers8" in path for path in mounts), asked
        assert len([1 for method, path in asked if method == "PUT" and "/blobs/" in path]) == 1, "the config alone is sent"
        assert result.err.count("already there") == len(layers), result.err


@test
def an_image_of_our_own_is_read_by_others(nau, tmp):
    """Imported here, pushed, and read by podman and umoci."""
    layer = Layer().directory("etc").file("etc/hello", "hi\n").symlink("link", "etc/hello")
    (tmp / "root.tar").write_bytes(layer.tar())
    nau("import", tmp / "root.tar", "own/image:1")
    with Registry() as r:
        nau("push", "-q", "own/image:1", r.reference("own/image", "1"))
        skopeo("copy", "-q", "--src-tls-verify=false", f"docker://{r.reference('own/image', '1')}", f"oci:{tmp}/layout:1")
        subprocess.run(["umoci", "unpack", "--image", f"{tmp}/layout:1", tmp / "bundle"], check=True, stderr=subprocess.DEVNULL)
        assert (tmp / "bundle/rootfs/etc/hello").read_text() == "hi\n"
        assert os.readlink(tmp / "bundle/rootfs/link") == "etc/hello"
        # and again by nau, into an empty store
        nau("rmi", "own/image:1")
        nau("pull", "-q", r.reference("own/image", "1"))


@test
def layers_are_packed_anew_on_demand(nau, registry):
    source = registry.add("busybox")
    nau("pull", "-q", source)
    before = manifest_of(registry, "test/busybox")[1]
    nau("push", "-q", "--compression-format", "zstd", source, registry.reference("packed/zstd"))
    kind, manifest = manifest_of(registry, "packed/zstd")
    assert kind == MANIFEST
    assert [layer["mediaType"] for layer in manifest["layers"]] == [LAYER + "+zstd"] * len(before["layers"])
    assert manifest["config"]["digest"] == before["config"]["digest"]
    id_before = nau.json("images")[0]["Id"]
    nau("rmi", "-f", source)
    nau("pull", "-q", registry.reference("packed/zstd"))  # the diffIDs are compared
    assert nau.json("images")[0]["Id"] == id_before
    # the same words, the same bytes
    first = registry.digest("packed/zstd")
    nau("push", "-q", "--compression-format=gzip", registry.reference("packed/zstd"), registry.reference("packed/gzip"))
    assert nau("push", "-q", registry.reference("packed/zstd")).word == first
    assert manifest_of(registry, "packed/gzip")[1]["layers"][0]["mediaType"] == LAYER + "+gzip"


@test
def manifests_of_the_other_family(nau, registry):
    source = registry.add("busybox")
    nau("pull", "-q", source)
    nau("push", "-q", "--format", "v2s2", source, registry.reference("family/docker"))
    kind, manifest = manifest_of(registry, "family/docker")
    assert kind == DOCKER + "v2+json"
    assert {layer["mediaType"] for layer in manifest["layers"]} == {"application/vnd.docker.image.rootfs.diff.tar.gzip"}
    nau("pull", "-q", registry.reference("family/docker"))
    nau("push", "-q", "--format", "oci", registry.reference("family/docker"), registry.reference("family/oci"))
    assert manifest_of(registry, "family/oci")[0] == MANIFEST
    nau.fails(125, "push", "--format", "v2s2", "--compression-format", "zstd", source, registry.reference("family/no"), error="zstd")


@test
def an_index_goes_with_all_its_platforms(nau, registry):
    source = registry.add("index")
    nau("pull", "-q", "--platform", "linux/amd64", source)
    with Registry() as r:
        nau("push", "-q", source, r.reference("one"))
        assert manifest_of(r, "one")[0] == MANIFEST
        whole = nau("push", "-q", "--all-platforms", source, r.reference("all"))
        assert whole.word == registry.digest("test/index") == r.digest("all")
        kind, index = manifest_of(r, "all")
        assert kind == INDEX and len(index["manifests"]) == 2
        for entry in index["manifests"]:
            for blob in (m := manifest_of(r, "all", entry["digest"])[1])["layers"] + [m["config"]]:
                r.fetch(f"all/blobs/{blob['digest']}")
        nau("push", "-q", "--platform", "linux/arm64", source, r.reference("arm"))
        config = json.loads(r.fetch(f"arm/blobs/{manifest_of(r, 'arm')[1]['config']['digest']}")[1])
        assert config["architecture"] == "arm64"


@test
def all_tags_and_the_digest_in_a_file(nau, registry, tmp):
    source = registry.add("busybox")
    nau("pull", "-q", source)
    for tag in ("a", "b"):
        nau("tag", source, registry.reference("many/tags", tag))
    result = nau("push", "-q", "--all-tags", registry.reference("many/tags").rpartition(":")[0])
    assert result.lines == [registry.digest("many/tags", "a"), registry.digest("many/tags", "b")]
    nau("push", "-q", "--digestfile", tmp / "digest", registry.reference("many/tags", "a"))
    assert (tmp / "digest").read_text() == registry.digest("many/tags", "a")


@test
def a_digest_as_destination_has_to_be_the_images(nau, registry):
    source = registry.add("busybox")
    nau("pull", "-q", source)
    digest = registry.digest("test/busybox")
    repository = registry.reference("by/digest").rpartition(":")[0]
    assert nau("push", "-q", source, f"{repository}@{digest}").word == digest
    assert registry.digest("by/digest", digest) == digest
    nau.fails(125, "push", source, f"{repository}@sha256:{'1' * 64}", error="cannot be pushed as")


@test
def with_password_and_tls(nau, tmp):
    with Registry(tls=True, auth="basic") as r:
        (tmp / "ca.crt").write_bytes(r.certificates.ca.read_bytes())
        nau("import", "-", "own:1", input=Layer().file("a", "a").tar())
        nau.fails(125, "push", "--cert-dir", tmp, "own:1", r.reference("own"), error="denied")
        nau.fails(125, "push", "--cert-dir", tmp, "--creds", f"{r.user}:wrong", "own:1", r.reference("own"), error="denied")
        nau("push", "-q", "--cert-dir", tmp, "--creds", f"{r.user}:{r.password}", "own:1", r.reference("own"))


@test
def with_a_token_for_writing(nau):
    with Registry(auth="token") as r:
        nau("pull", "-q", "--creds", f"{r.user}:{r.password}", r.add("layers8"))
        r.tokens.requests.clear()
        nau("push", "-q", "--creds", f"{r.user}:{r.password}", r.reference("test/layers8"), r.reference("mine/app"))
        scopes = [path for path, _ in r.tokens.requests]
        assert "scope=repository%3Amine%2Fapp%3Apull%2Cpush" in scopes[0], scopes
        assert len(scopes) == 2 and "test%2Flayers8%3Apull" in scopes[1], "one to write, one to mount"


@test
def into_files_and_directories(nau, registry, tmp):
    source = registry.add("busybox")
    nau("pull", "-q", source)
    for target, inspected in ((f"oci:{tmp}/oci:v1", f"oci:{tmp}/oci:v1"), (f"oci-archive:{tmp}/a.tar:v1", f"oci-archive:{tmp}/a.tar"),
                              (f"docker-archive:{tmp}/d.tar:some/name:v1", f"docker-archive:{tmp}/d.tar:some/name:v1"),
                              (f"dir:{tmp}/dir", f"dir:{tmp}/dir")):
        nau("push", "-q", source, target)
        assert json.loads(skopeo("inspect", inspected))["Architecture"] == "amd64", target
    nau.fails(125, "push", source, "docker-daemon:x:1", error="docker-daemon")


def index_of(directory):
    return [(e["digest"], e.get("annotations", {}).get("org.opencontainers.image.ref.name"))
            for e in json.loads((directory / "index.json").read_text())["manifests"]]


@test
def a_layout_that_is_there_gets_further_images(nau, registry, tmp):
    busybox, layers, target = nau.image("busybox"), nau.image("layers8"), tmp / "layout"
    nau("push", "-q", busybox, f"oci:{target}:one")
    (one, _), = index_of(target)
    first = {b.name: b.stat().st_mtime_ns for b in (target / "blobs/sha256").iterdir()}
    nau("push", "-q", layers, f"oci:{target}:two")
    (_, _), (two, _) = index_of(target)
    assert index_of(target) == [(one, "one"), (two, "two")]
    after = {b.name: b.stat().st_mtime_ns for b in (target / "blobs/sha256").iterdir()}
    assert first.items() <= after.items()  # what is there is not written again
    nau("push", "-q", layers, f"oci:{target}:one")  # the name goes over
    assert index_of(target) == [(one, None), (two, "two"), (two, "one")]
    nau("push", "-q", layers, f"oci:{target}:one")
    assert index_of(target) == [(one, None), (two, "two"), (two, "one")]
    nau("push", "-q", busybox, f"oci:{target}:again")
    assert index_of(target) == [(one, "again"), (two, "two"), (two, "one")]
    assert not [p for p in target.rglob("*") if p.name.startswith(".nau")]
    assert nau("run", "--rm", "--network", "none", f"oci:{target}:again", "echo", "works").out == "works\n"
    # skopeo reads it, adds to it, and nau adds to what skopeo has made.
    assert skopeo("inspect", "--raw", f"oci:{target}:two")
    skopeo("copy", "-q", f"oci:{target}:two", f"oci:{tmp}/theirs:base")
    nau("push", "-q", busybox, f"oci:{tmp}/theirs:mine")
    assert index_of(tmp / "theirs") == [(two, "base"), (one, "mine")]
    assert skopeo("inspect", "--raw", f"oci:{tmp}/theirs:mine")


@test
def what_is_no_layout_gets_nothing(nau, tmp):
    image = nau.image("busybox")
    mine = tmp / "mine"
    mine.mkdir()
    (mine / "file").write_text("mine")
    nau.fails(125, "push", image, f"oci:{mine}:x", error="not empty")
    (mine / "oci-layout").write_text('{"imageLayoutVersion": "9.0.0"}')
    nau.fails(125, "push", image, f"oci:{mine}:x", error="oci-layout")
    (mine / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (mine / "index.json").write_text("no JSON")
    nau.fails(125, "push", image, f"oci:{mine}:x", error="index.json")
    assert (mine / "index.json").read_text() == "no JSON"
    assert [p for p in mine.rglob("*") if p.is_file() and "sha256" in str(p)] == []


@test
def what_cannot_be_pushed(nau, registry):
    nau.fails(125, "push", "no/such/image", error="no image")
    nau("pull", "-q", registry.add("busybox"))
    image_id = nau("images", "-q").word
    nau.fails(125, "push", image_id, error="where to push to")
    nau.fails(125, "push", registry.add("busybox"), "127.0.0.1:1/x/y", error="127.0.0.1:1")
    with FakeRegistry() as reads_only:  # it knows GET and HEAD
        nau.fails(125, "push", "--retry", "0", registry.add("busybox"), f"{reads_only.address}/x/y", error="pushing .*no uploads")


main()
