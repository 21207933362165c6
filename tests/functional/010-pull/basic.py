"""Pulling by tag, by digest and by both; what is printed; what is refused."""

import hashlib
import json
import re

from nautest import FakeRegistry, Layer, Registry, layout, main, test, write_image  # noqa: F401

ID = r"(sha256:)?[0-9a-f]{64}"


def image_id(registry, repository, tag="latest"):
    """Digest of the image's configuration, as the registry has it."""
    return json.loads(registry.fetch(f"{repository}/manifests/{tag}")[1])["config"]["digest"]


@test
def pull_prints_the_image_id_and_images_lists_it(nau, registry):
    reference = registry.add("busybox")
    expected = image_id(registry, "test/busybox").removeprefix("sha256:")
    result = nau("pull", reference)
    assert result.lines[-1].removeprefix("sha256:") == expected, result
    listed = nau("images").out
    assert reference.rpartition(":")[0] in listed and "latest" in listed and expected[:12] in listed, listed
    assert nau("images", "-q", "--no-trunc").word.removeprefix("sha256:") == expected


@test
def quiet_prints_the_id_only_and_nothing_on_stderr(nau, registry):
    result = nau("pull", "-q", registry.add("busybox"))
    assert re.fullmatch(ID + r"\n", result.out) and result.err == "", result


@test
def without_a_terminal_progress_has_no_control_characters(nau, registry):
    result = nau("pull", registry.add("busybox"))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", result.out + result.err), result


@test
def a_second_pull_fetches_no_blob(nau):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/busybox")
        first = nau("pull", "-q", reference)
        fake.requests.clear()
        second = nau("pull", "-q", reference)
        assert first.out == second.out
        assert not [p for _, p, _ in fake.requests if "/blobs/" in p], fake.requests


@test
def pull_by_digest(nau, registry):
    reference = registry.add("busybox")
    digest = registry.digest("test/busybox")
    name = reference.rpartition(":")[0]
    by_digest = nau("pull", "-q", f"{name}@{digest}").word
    assert by_digest == nau("pull", "-q", reference).word


@test
def pull_by_tag_and_digest_checks_the_digest(nau, registry):
    reference = registry.add("busybox")
    digest = registry.digest("test/busybox")
    nau("pull", "-q", f"{reference}@{digest}")
    wrong = "sha256:" + hashlib.sha256(b"another").hexdigest()
    nau.fails(125, "pull", "-q", f"{reference}@{wrong}", error=wrong[:19])


@test
def two_tags_of_one_image_share_everything(nau):
    with FakeRegistry() as fake:
        one = fake.put_layout(layout("busybox"), "test/one")
        two = fake.put_layout(layout("busybox"), "test/two")
        assert nau("pull", "-q", one).word == nau("pull", "-q", two).word
        blobs = [p for m, p, _ in fake.requests if m == "GET" and "/two/blobs/" in p]
        assert not blobs, blobs
        assert len(nau("images", "-q").lines) in (1, 2)


@test
def an_unknown_tag_is_named(nau, registry):
    registry.add("busybox")
    nau.fails(125, "pull", registry.reference("test/busybox", "no-such-tag"), error="no-such-tag")
    assert nau("images", "-q").out == ""


@test
def an_unknown_repository_is_named(nau, registry):
    nau.fails(125, "pull", registry.reference("no/such/repository"), error="no/such/repository")


@test
def a_closed_port_is_named(nau):
    nau.fails(125, "pull", "127.0.0.1:1/test/busybox:latest", error="127.0.0.1:1")


@test
def a_name_that_does_not_resolve_is_named(nau):
    nau.fails(125, "pull", "registry.invalid/test/busybox:latest", error="registry.invalid", timeout=45)


@test
def malformed_references_are_refused_before_the_network(nau):
    with FakeRegistry() as fake:
        for word in ("", "lower/UPPER", "a b", "name:", "name@sha256:12", "name@md5:d41d8cd98f00b204e9800998ecf8427e", "/name", "name//x",
                     ":tag", "name:" + "t" * 129, f"{fake.address}/../x", f"{fake.address}/x:../../y", "-name", "n" * 300, "a@b@c",
                     f"{fake.address}/x@sha256:" + "G" * 64):
            result = nau("pull", "--", word, status=125)
            assert result.err.startswith("Error: "), result
            assert len([l for l in result.err.splitlines() if l.startswith("Error: ")]) == 1, result
        assert not fake.requests, fake.requests


@test
def pull_chooses_this_machines_platform_from_an_index(nau, registry):
    rootfs = nau.rootfs(nau.image("index"))
    with open(rootfs + "/etc/arch") as f:
        assert f.read() == "amd64\n"


@test
def pull_takes_the_platform_it_is_told(nau, registry):
    reference = registry.add("index")
    index = json.loads(registry.fetch("test/index/manifests/latest")[1])
    for platform, architecture in (("linux/arm64", "arm64"), ("linux/arm64/v8", "arm64"), ("linux/amd64", "amd64")):
        digest = next(m["digest"] for m in index["manifests"] if m["platform"]["architecture"] == architecture)
        expected = json.loads(registry.fetch(f"test/index/manifests/{digest}")[1])["config"]["digest"].removeprefix("sha256:")
        assert nau("pull", "-q", "--platform", platform, reference).word.removeprefix("sha256:") == expected


@test
def an_unknown_platform_is_named_with_what_there_is(nau, registry):
    result = nau.fails(125, "pull", "--platform", "linux/riscv64", registry.add("index"), error="linux/riscv64")
    assert "arm64" in result.err and "amd64" in result.err, result
    assert nau("images", "-q").out == ""


@test
def several_users_of_one_store_pull_the_same_image_at_once(nau, registry):
    reference = registry.add("layers8")
    pulls = [nau.start("pull", "-q", reference) for _ in range(4)]
    ids = {p.wait().word for p in pulls}
    assert len(ids) == 1, ids


main()
