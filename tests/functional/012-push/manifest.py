"""Manifest lists: made of images here and elsewhere, changed, pushed as a whole."""

import json

from nautest import FakeRegistry, Layer, Registry, layout, main, test, write_image
from nautest.images import DOCKER, INDEX


def entries(nau, name):
    return nau("manifest", "inspect", name).json()["manifests"]


@test
def a_list_of_two_platforms_is_made_and_pushed(nau, registry):
    amd = registry.add("busybox")
    index = registry.add("index")
    nau("pull", "-q", amd)
    first = nau("manifest", "create", "own/list:1", amd).word
    assert nau("manifest", "exists", "own/list:1", status=None).status == 0
    nau.fails(125, "manifest", "create", "own/list:1", error="taken")
    second = nau("manifest", "add", "--arch", "arm64", "--variant", "v8", "--annotation", "a=b", "own/list:1", f"docker://{index}").word
    assert first != second and len(second) == 64
    one, two = entries(nau, "own/list:1")
    assert one["platform"] == {"architecture": "amd64", "os": "linux"}
    assert two["platform"] == {"architecture": "arm64", "os": "linux", "variant": "v8"} and two["annotations"] == {"a": "b"}
    assert one["digest"] == registry.digest("test/busybox")
    with Registry() as r:
        digest = nau("manifest", "push", "-q", "own/list:1", r.reference("list")).word
        assert digest == f"sha256:{second}" == r.digest("list")
        headers, data = r.fetch("list/manifests/latest")
        assert headers["Content-Type"] == INDEX
        for entry in json.loads(data)["manifests"]:
            for layer in json.loads(r.fetch(f"list/manifests/{entry['digest']}")[1])["layers"]:
                r.fetch(f"list/blobs/{layer['digest']}")
        nau("pull", "-q", "--platform", "linux/arm64", r.reference("list"))
    nau("rmi", amd)
    nau("gc")
    with Registry() as r:  # still complete
        assert nau("push", "-q", "own/list:1", r.reference("again")).word == digest


@test
def entries_are_changed_and_taken_out(nau, registry):
    image = nau.image("busybox")
    nau("manifest", "create", "own/list", image)
    nau("manifest", "annotate", "--os", "windows", "--os-version", "10.0.1", "--os-features", "win32k,x", "own/list", image)
    assert entries(nau, "own/list")[0]["platform"] == {"architecture": "amd64", "os": "windows", "os.version": "10.0.1",
                                                       "os.features": ["win32k", "x"]}
    nau("manifest", "annotate", "--index", "--annotation", "org.example=1", "own/list")
    assert nau("manifest", "inspect", "own/list").json()["annotations"] == {"org.example": "1"}
    nau.fails(125, "manifest", "remove", "own/list", "sha256:" + "1" * 64, error="is not in the manifest list")
    nau("manifest", "remove", "own/list", registry.digest("test/busybox"))
    assert entries(nau, "own/list") == []


@test
def docker_manifests_make_dockers_list(nau, registry):
    image = nau.image("busybox", docker=True)
    nau("manifest", "create", "own/docker", image)
    assert nau("manifest", "inspect", "own/docker").json()["mediaType"] == DOCKER + "list.v2+json"
    nau("manifest", "create", "--amend", "--all", "own/docker", registry.add("index"))
    document = nau("manifest", "inspect", "own/docker").json()
    assert document["mediaType"] == INDEX and len(document["manifests"]) == 3


@test
def lists_and_images_are_not_mistaken(nau, registry):
    image = nau.image("busybox")
    nau.fails(125, "manifest", "add", image, image, error="no manifest list")
    nau.fails(125, "manifest", "rm", image, error="no manifest list")
    assert nau("manifest", "exists", "no/such", status=None).status == 1
    nau("manifest", "create", "own/empty")
    digest = nau("manifest", "create", "own/second").word
    assert nau("images", "-q").lines[0] == digest[:12], "a list has an id as well"
    nau.fails(125, "image", "inspect", "own/second", error="manifest list")
    nau.fails(125, "tag", "own/second", "x", error="manifest list")
    nau.fails(2, "rmi", digest[:12], error="2 names")
    nau("rmi", "own/second")
    assert nau("rmi", digest[:12]).lines[0] == "Untagged: docker.io/own/empty:latest"
    nau("manifest", "create", "own/empty")
    nau("manifest", "rm", "own/empty")
    assert nau("manifest", "exists", "own/empty", status=None).status == 1
    nau("manifest", "rm", "--ignore", "own/empty")
    nau.fails(125, "manifest", "rm", "own/empty", error="no manifest list")
    nau("manifest", "create", "own/purged", image)
    nau("manifest", "push", "-q", "--purge", "own/purged", registry.reference("purged"))
    assert nau("manifest", "exists", "own/purged", status=None).status == 1
    assert nau("manifest", "inspect", registry.reference("purged")).json()["manifests"]


@test
def a_list_is_run_as_the_image_of_this_machine_in_it(nau, registry, tmp):
    image = nau.image("busybox")
    foreign = write_image(tmp / "foreign", [Layer().file("bin/sh", "\x7fELF", mode=0o755)], architecture="arm64")
    arm = nau("pull", "-q", "--platform", "linux/arm64", f"oci:{foreign}").word
    nau("manifest", "create", "own/list", image, arm)
    nau("rmi", "-f", image)
    assert nau("run", "--rm", "--network", "none", "own/list", "echo", "works").out == "works\n"
    assert nau("run", "--rm", "--network", "none", "--pull", "never", "docker.io/own/list:latest", "echo", "works").out == "works\n"
    c = nau("create", "--name", "c", "--network", "none", "own/list", "echo", "hello").word
    assert nau("start", "-a", "c").out == "hello\n"
    assert nau("ps", "-a", "--format", "{{.Image}}").word == "docker.io/own/list:latest"
    pulled = nau("pull", "-q", "--policy", "missing", "own/list").word
    assert nau("inspect", "--format", "{{.Image}}", c).word.removeprefix("sha256:") == pulled.removeprefix("sha256:")
    nau("gc")
    nau("system", "upkeep")
    assert nau("start", "-a", "c").out == "hello\n" and nau("fsck", "-n").status == 0
    other = nau("pull", "-q", "--policy", "missing", "--platform", "linux/arm64", "own/list").word
    assert other.removeprefix("sha256:") == arm.removeprefix("sha256:")
    result = nau.fails(125, "run", "--rm", "--platform", "linux/s390x", "own/list", "true",
                       error="the manifest list 'own/list' has no image for platform linux/s390x")
    assert "Hint: 'nau manifest inspect own/list' shows" in result.err, result
    nau("manifest", "create", "own/empty")
    nau.fails(125, "create", "own/empty", "true", error="the manifest list 'own/empty' has no image for platform")
    nau("rm", "c")


@test
def an_image_of_a_list_that_is_gone_is_fetched_by_its_digest(nau):
    with FakeRegistry() as fake:
        fake.put_layout(layout("busybox"), "own/list", "one")
        nau("pull", "-q", f"{fake.address}/own/list:one")
        nau("manifest", "create", f"{fake.address}/own/list:all", f"{fake.address}/own/list:one")
        digest = next(key for name, key in fake.manifests if key != "one")
        nau("rmi", f"{fake.address}/own/list:one")
        for blob in (nau.root / "content/blobs/sha256").iterdir():
            if blob.stat().st_size > 5000:  # the layer
                blob.unlink()
        shown = nau.fails(125, "run", "--rm", "--network", "none", "--pull", "never", f"{fake.address}/own/list:all", "true",
                          error=f"image of the manifest list {fake.address}/own/list:all: {digest} is not here")
        assert "Hint: without --pull=never" in shown.err, shown
        assert nau("run", "--rm", "--network", "none", f"{fake.address}/own/list:all", "echo", "works").out == "works\n"
        asked = [path for _, path, _ in fake.requests]
        assert f"/v2/own/list/manifests/{digest}" in asked, asked
        assert nau("fsck", "-n").status == 0
    nau.image("layers8")
    nau("manifest", "create", "localhost/own/local", nau.image("layers8"))
    nau("rmi", nau.image("layers8"))
    for blob in (nau.root / "content/blobs/sha256").iterdir():
        if blob.stat().st_size > 5000:
            blob.unlink()
    nau.env.update(http_proxy="http://127.0.0.1:1", https_proxy="http://127.0.0.1:1", no_proxy="")
    result = nau.fails(125, "run", "--rm", "--network", "none", "localhost/own/local", "true", error="image of the manifest list localhost/own/local")
    assert "Hint: an image of the list is no longer here" in result.err, result


main()
