"""Manifest lists: made of images here and elsewhere, changed, pushed as a whole."""

import json

from nautest import Registry, main, test
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


main()
