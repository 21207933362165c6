"""Lists of images: filters, columns, names; inspect in docker's shape."""

import json

from nautest import main, test


def names(nau, *words):
    return sorted(nau("images", "--format", "{{.Repository}}:{{.Tag}}", *words).lines)


@test
def filters_choose_images(nau):
    old, new = nau.image("busybox"), nau.image("layers8")
    container = nau("create", "--label", "made=here", old, "true").word
    nau("commit", "-q", "-c", "LABEL kind=own", container, "example.com/own:1")
    own = ["example.com/own:1"]
    assert names(nau, "--filter", "label=kind") == own and names(nau, "--filter", "label=kind=own", "-f", "label=made=here") == own
    assert names(nau, "--filter", "label=kind=other") == [] and sorted(names(nau, "--filter", "label!=kind")) == sorted([old, new])
    assert names(nau, "--filter", "since=" + old) == own and old in names(nau, "--filter", "before=example.com/own:1")
    assert names(nau, "--filter", "reference=example.com/*") == own and names(nau, "--filter", "reference=*:1") == own
    assert names(nau, "--filter", "until=2024-06-01") == sorted([old, new]) and names(nau, "--filter", "until=1999-01-01") == []
    assert names(nau, "--filter", "containers=true") == [old]
    assert names(nau, "--filter", "readonly=true") == names(nau, "--filter", "intermediate=true") == []
    assert names(nau, "--filter", "dangling=true") == []
    nau("untag", "example.com/own:1")
    assert names(nau, "--filter", "dangling=true") == ["<none>:<none>"]
    assert len(names(nau)) == 3
    nau.fails(125, "images", "--filter", "nonsense=1", error="nonsense")
    nau.fails(125, "images", "--filter", "readonly=maybe", error="readonly=maybe")


@test
def columns_and_order(nau):
    image = nau.image("busybox")
    nau("tag", image, "a.example/z:1")
    nau("tag", image, "z.example/a:2")
    heading = nau("images", "--digests", "--history", "--no-trunc").lines[0].split()
    assert heading == ["REPOSITORY", "TAG", "DIGEST", "IMAGE", "ID", "CREATED", "SIZE", "HISTORY"]
    rows = nau("images", "--noheading", "--history", "--sort", "repository").lines
    assert [r.split()[0] for r in rows] == sorted(["a.example/z", "z.example/a", image.rpartition(":")[0]])
    assert all("a.example/z:1" in r and "z.example/a:2" in r for r in rows)
    assert [l.split()[1] for l in nau("images", "-n", "--sort", "tag").lines] == ["1", "2", "latest"]
    assert len(nau("images", "-q").lines) == 1 and nau("images", "-q", "--no-trunc").word.startswith("sha256:")


@test
def inspect_has_dockers_shape(nau):
    image = nau.image("layers8")
    found = nau("image", "inspect", image).json()[0]
    config = json.loads(nau("content", "get", found["Id"]).out)
    assert found["RepoTags"] == [image] and found["RepoDigests"] == [f"{image.rpartition(':')[0]}@{found['Digest']}"]
    assert found["RootFS"] == {"Type": "layers", "Layers": config["rootfs"]["diff_ids"]}
    assert found["GraphDriver"]["Name"] == "overlay" and found["GraphDriver"]["Data"]["LowerDir"].count(":") == 6
    assert found["Config"]["Env"] == config["config"]["Env"] and found["Config"]["Cmd"] == ["sh"]
    assert found["Size"] == found["VirtualSize"] > 0 and found["Created"].startswith("2024-01-01T00:00:00")
    assert len(found["History"]) == 8 and found["Metadata"]["LastTagTime"].startswith("20")
    assert nau("inspect", "--type", "image", "--format", "{{.Os}}/{{.Architecture}} {{len .RootFS.Layers}}", image).word == "linux/amd64 8"
    assert nau("image", "exists", image).status == 0 and nau("image", "exists", "nothing", status=1)
    nau("untag", image)
    assert nau("image", "inspect", found["Id"]).json()[0]["RepoTags"] == []


main()
