"""Read-only additional image stores: their images are seen, run and never changed."""

import pathlib
import shutil

from nautest import main, test


def other(nau, tmp, *words, **options):
    return nau("--root", str(tmp / "shared"), "--runroot", str(tmp / "shared-run"), *words, **options)


def with_additional(nau, tmp):
    """All commands from now on know the other store."""
    pathlib.Path(nau.env["NAU_CONF"]).write_text(
        f"default_network = none\nadditional_image_stores = {tmp / 'shared'}\n")


def snapshot_of(directory):
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if not p.name.startswith("nau.db"))


@test
def images_of_an_additional_store_are_listed_run_and_not_removed(nau, registry, tmp):
    image = registry.add("busybox")
    other(nau, tmp, "pull", "-q", image)
    other(nau, tmp, "system", "upkeep")
    before = snapshot_of(tmp / "shared")
    assert nau("images").out.split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    with_additional(nau, tmp)
    heading, row = nau("images").lines
    assert heading.split()[-1] == "R/O" and row.split()[-1] == "true", (heading, row)
    listed = nau("images", "--format", "json").json()
    assert [i["ReadOnly"] for i in listed] == [True] and listed[0]["Size"] > 0
    assert nau("images", "-q", "--filter", "readonly=false").out == ""
    assert nau("run", "--rm", "--network", "none", "--pull", "never", image, "echo", "works").out == "works\n"
    nau("run", "-d", "--name", "c", "--network", "none", image, "sh", "-c", "echo mine > /file; sleep 1000")
    assert nau("exec", "c", "ls", "/bin/sh").out == "/bin/sh\n"
    nau.fails(125, "rmi", image, error=f"is in the additional image store {tmp / 'shared'}, which is read-only")
    nau.fails(125, "untag", image, error="which is read-only")
    nau("rm", "-f", "-t", "0", "c")
    nau("system", "prune", "-a", "-f")
    assert nau("fsck", "-n").status == 0
    assert nau("image", "exists", image).status == 0
    assert nau("image", "inspect", image).json()[0]["RepoTags"] == [image]
    assert list((nau.root / "content/blobs/sha256").iterdir()) == []
    assert snapshot_of(tmp / "shared") == before


@test
def what_is_there_is_not_fetched_again(nau, registry, tmp):
    image = registry.add("busybox")
    other(nau, tmp, "pull", "-q", image)
    with_additional(nau, tmp)
    nau("pull", "-q", image)
    own = list((nau.root / "content/blobs/sha256").iterdir())
    assert own == [] and list((nau.root / "snapshots").iterdir()) == [], own
    row = nau("images").lines[1]
    assert "true" not in row.split(), row  # it has a record of its own now
    nau("tag", image, "mine:1")
    assert nau("run", "--rm", "--network", "none", "mine:1", "echo", "works").out == "works\n"
    nau("rmi", "mine:1", image)
    assert nau("images").lines[1].split()[-1] == "true"


@test
def layers_there_have_their_sizes(nau, registry, tmp):
    image = registry.add("layers8")
    other(nau, tmp, "pull", "-q", image)
    history = other(nau, tmp, "history", "--format", "json", image).json()
    tree = other(nau, tmp, "image", "tree", image).out
    assert sum(line["size"] for line in history) > 0
    with_additional(nau, tmp)
    assert nau("history", "--format", "json", image).json() == history
    assert nau("image", "tree", image).out == tree
    words = ("--storage-opt", f"overlay.imagestore={tmp / 'shared'}")
    conf = pathlib.Path(nau.env["NAU_CONF"])
    conf.write_text("default_network = none\n")
    assert nau("image", "exists", image, status=1).status == 1
    assert nau(*words, "history", "--format", "json", image).json() == history
    assert nau(*words, "info", "--format", "json").json()["store"]["additionalImageStores"] == [str(tmp / "shared")]


@test
def a_store_that_has_vanished_is_named(nau, registry, tmp):
    image = registry.add("busybox")
    other(nau, tmp, "pull", "-q", image)
    with_additional(nau, tmp)
    nau("create", "--name", "c", "--network", "none", image, "true")
    shutil.rmtree(tmp / "shared")
    result = nau("images")
    assert f"additional image store {tmp / 'shared'}: there is no store of nau" in result.err, result
    result = nau("start", "-a", "c", status=125)
    assert str(tmp / "shared") in result.err and "Error: " in result.err, result
    nau("rm", "c")


@test
def wrong_words_are_told(nau):
    pathlib.Path(nau.env["NAU_CONF"]).write_text("additional_image_stores = relative\n")
    nau.fails(125, "images", error="additional_image_stores: 'relative' is not an absolute path")


main()
