"""Saving images and loading them again: formats, streams, names, and what other tools make of them."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile

from nautest import Layer, layout, main, skip, test, write_image
from nautest.trees import compare_trees, read_tree

FORMATS = ["docker-archive", "oci-archive", "oci-dir", "docker-dir"]


def run(*words, **options):
    if not shutil.which(words[0]):
        skip(f"needs {words[0]}")
    return subprocess.run([str(w) for w in words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **options).stdout


def skopeo(*words):
    return run("skopeo", "--insecure-policy", *words)


def identity(nau, name):
    image = nau("image", "inspect", name).json()[0]
    return image["Id"], image["RootFS"]["Layers"]


def manifest_digest(nau, name):
    return nau("image", "inspect", "--format", "{{.ManifestDigest}}", name).word


@test
def what_is_saved_is_loaded_with_the_same_digests(nau, tmp):
    image = nau.image("layers8")
    name = image.rpartition(":")[0]
    before = identity(nau, image)
    digest = manifest_digest(nau, image)
    for form in FORMATS:
        nau("save", "--format", form, "-o", tmp / form, image)
        nau("rmi", image)
        out = nau("load", "-i", tmp / form).lines
        if form == "docker-dir":  # has no names
            assert out == [f"Loaded image: {before[0]}"], out
            nau("tag", before[0], image)
        else:
            assert out == [f"Loaded image: {image}"], out
        assert identity(nau, image) == before
        assert manifest_digest(nau, image) == digest, form
        assert nau("images", "-q").lines == [before[0].removeprefix("sha256:")[:12]], form
        assert name in nau("images").out


@test
def saving_twice_gives_the_same_bytes(nau, tmp):
    image = nau.image("layers8")
    for form in ("docker-archive", "oci-archive"):
        for number in (1, 2):
            nau("save", "--format", form, "-o", tmp / f"{form}{number}", image)
            os.utime(tmp / f"{form}{number}", (1, 1))
        assert (tmp / f"{form}1").read_bytes() == (tmp / f"{form}2").read_bytes()
        times = {m.mtime for m in tarfile.open(tmp / f"{form}1")}
        assert times == {0}, times


@test
def images_go_through_pipes_plain_and_compressed(nau, tmp):
    image = nau.image("busybox")
    before = identity(nau, image)
    nau("save", "-o", tmp / "plain", image)
    plain = (tmp / "plain").read_bytes()
    (tmp / "gz").write_bytes(gzip.compress(plain, 1))
    (tmp / "zst").write_bytes(run("zstd", "-q", "-c", tmp / "plain"))
    for kind in ("plain", "gz", "zst"):
        nau("rmi", image)
        assert nau("load", input=(tmp / kind).read_bytes()).lines == [f"Loaded image: {image}"]
        assert identity(nau, image) == before
    nau("rmi", image)
    with open(tmp / "plain", "rb") as archive:  # a file can be seeked in
        subprocess.run(nau.argv("load", "-q"), stdin=archive, stdout=subprocess.DEVNULL, env=nau.env, check=True)
    assert identity(nau, image) == before
    nau("rmi", image)
    assert nau("load", "-i", tmp / "gz").lines == [f"Loaded image: {image}"]


@test
def several_images_share_their_layers_in_the_archive(nau, tmp):
    base, more = nau.image("busybox"), nau.image("layers8")
    nau("tag", base, "example.com/a:1")
    nau("save", "-m", "-o", tmp / "a", base, more, "example.com/a:1")
    members = [m.name for m in tarfile.open(tmp / "a") if m.isfile()]
    assert len(members) == len(set(members))
    before = {n: identity(nau, n) for n in (base, more, "example.com/a:1")}
    nau("rmi", "-f", base, more, "example.com/a:1")
    assert sorted(nau("load", "-i", tmp / "a").lines) == sorted(f"Loaded image: {n}" for n in before)
    assert {n: identity(nau, n) for n in before} == before


@test
def an_image_saved_by_id_has_no_name(nau, tmp):
    image = nau.image("busybox")
    identifier = identity(nau, image)[0]
    nau("save", "-o", tmp / "a", identifier)
    nau("rmi", image)
    assert nau("load", "-i", tmp / "a").lines == [f"Loaded image: {identifier}"]
    listed = nau("images", "--format", "{{.Repository}} {{.Tag}}").lines
    assert listed == ["<none> <none>"], listed
    assert nau("images", "-q", "--filter", "dangling=true").word in identifier
    nau("run", "--rm", identifier[:19], "true")
    nau("tag", identifier, "named:1")
    assert nau("images", "--format", "{{.Repository}}:{{.Tag}}").lines == ["docker.io/library/named:1"]


@test
def untag_takes_names_and_keeps_the_image(nau):
    image = nau.image("busybox")
    nau("tag", image, "a:1")
    nau("tag", image, "b:1")
    nau("untag", image, "a:1")
    assert "a" not in nau("images", "--format", "{{.Repository}}").out.split("/")
    nau.fails(125, "untag", image, "a:1", error="no name of the image")
    identifier = identity(nau, image)[0]
    nau("untag", image)
    assert nau("images", "--format", "{{.Repository}}").lines == ["<none>"]
    nau("untag", identifier)
    nau("rmi", identifier)
    assert nau("images", "-q").lines == []


@test
def skopeo_and_umoci_read_what_nau_saves(nau, tmp):
    image = nau.image("layers8")
    identifier, layers = identity(nau, image)
    for form, transport in (("docker-archive", "docker-archive"), ("oci-archive", "oci-archive"), ("oci-dir", "oci"), ("docker-dir", "dir")):
        nau("save", "--format", form, "-o", tmp / form, image)
        config = json.loads(skopeo("inspect", "--config", "--raw", f"{transport}:{tmp / form}"))
        assert config["rootfs"]["diff_ids"] == layers, form
        raw = skopeo("inspect", "--raw", f"{transport}:{tmp / form}")
        assert json.loads(raw)["config"]["digest"] == identifier, form
        if transport != "docker-archive":
            assert "sha256:" + hashlib.sha256(raw).hexdigest() == manifest_digest(nau, image), form
        skopeo("copy", "-q", f"{transport}:{tmp / form}", f"dir:{tmp / (form + '-copy')}")
    if os.geteuid() == 0:
        run("umoci", "unpack", "--image", f"{tmp / 'oci-dir'}:latest", tmp / "bundle", stderr=subprocess.DEVNULL)
        assert (tmp / "bundle/rootfs/bin/busybox").exists()


@test
def nau_loads_what_skopeo_writes(nau, tmp):
    source = f"oci:{layout('layers8')}:latest"
    skopeo("copy", "-q", source, f"docker-archive:{tmp / 'docker'}:example.com/x:1")
    skopeo("copy", "-q", source, f"oci-archive:{tmp / 'oci'}:example.com/x:2")
    skopeo("copy", "-q", source, f"oci:{tmp / 'layout'}:example.com/x:3")
    skopeo("copy", "-q", source, f"dir:{tmp / 'dir'}")
    found = {}
    for number, name in enumerate(("docker", "oci", "layout"), 1):
        assert nau("load", "-i", tmp / name).lines == [f"Loaded image: example.com/x:{number}"]
        found[name] = identity(nau, f"example.com/x:{number}")
    identifier = found["docker"][0]
    assert nau("load", "-i", tmp / "dir").lines == [f"Loaded image: {identifier}"]
    assert len({repr(f) for f in found.values()}) == 1, found
    assert nau("images", "-q").lines == [identifier.removeprefix("sha256:")[:12]]


@test(needs=["root", "mount"])
def an_image_from_an_archive_has_the_tree_of_the_pulled_one(nau, tmp):
    image = nau.image("probe")
    skopeo("copy", "-q", f"oci:{layout('probe')}:latest", f"docker-archive:{tmp / 'docker'}:example.com/x:1")
    trees = []
    for name in (image, "example.com/x:1"):
        if name not in nau("images", "--format", "{{.Repository}}:{{.Tag}}").lines:
            nau("load", "-i", tmp / "docker")
        trees.append(read_tree(nau.rootfs(name) + "/"))
        nau("rmi", "-f", name)
    assert len(trees[0]) > 200
    differences = compare_trees(*trees, ignore=["etc/hostname", "etc/hosts", "etc/resolv.conf"], ignore_fields={n: ["mtime_ns"] for n in (".", "etc", "dev")})
    assert differences == [], differences


@test
def an_index_in_a_layout_is_resolved_for_the_platform(nau, tmp):
    for platform, arch in ((None, "amd64"), ("linux/arm64", "arm64")):
        words = ["--platform", platform] if platform else []
        nau("load", *words, "-i", layout("index"))
        found = nau("image", "inspect", "--format", "{{.Architecture}}", "localhost/latest").word
        assert found == arch, found
    nau.fails(125, "load", "--platform", "linux/s390x", "-i", layout("index"), error="no image for platform linux/s390x")


@test
def old_docker_archives_may_have_a_layer_as_a_link(nau, tmp):
    layers = [Layer().file("a", "1"), Layer().file("a", "1")]
    write_image(tmp / "i", layers, compression="plain")
    skopeo("copy", "-q", f"oci:{tmp / 'i'}:latest", f"docker-archive:{tmp / 'a'}:example.com/x:1")
    source = tarfile.open(tmp / "a")
    manifest = json.load(source.extractfile("manifest.json"))
    tar = layers[0].tar()
    with tarfile.open(tmp / "old", "w") as out:
        for name, data in (("one/layer.tar", tar), (manifest[0]["Config"], source.extractfile(manifest[0]["Config"]).read())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("two/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../one/layer.tar"
        out.addfile(link)
        manifest[0]["Layers"] = ["one/layer.tar", "two/layer.tar"]
        data = json.dumps(manifest).encode()
        info = tarfile.TarInfo("manifest.json")
        info.size = len(data)
        out.addfile(info, io.BytesIO(data))
    assert nau("load", "-i", tmp / "old").lines == ["Loaded image: example.com/x:1"]
    assert len(identity(nau, "example.com/x:1")[1]) == 2


@test
def terminals_are_refused(nau):
    image = nau.image("busybox")
    process = nau.start("save", image, tty=True)
    process.expect("not for a terminal")
    process.wait(status=125)
    process = nau.start("load", tty=True)
    process.expect("standard input is a terminal")
    process.wait(status=125)


@test
def an_output_that_fails_leaves_nothing(nau, tmp):
    image = nau.image("busybox")
    nau.fails(125, "save", "-o", tmp / "no/such/file", image, error="No such file")
    nau.fails(125, "save", "-o", tmp / "a", "no-such-image", error="no image 'no-such-image'")
    (tmp / "full").mkdir()
    (tmp / "full/file").write_text("mine")
    nau.fails(125, "save", "--format", "oci-dir", "-o", tmp / "full", image, error="not empty")
    assert sorted(p.name for p in tmp.rglob("*")) == ["file", "full"]
    nau.fails(125, "save", "--format", "docker-dir", "-o", tmp / "d", image, nau.image("layers8"), error="holds one image, not 2")
    nau("save", "-o", "/dev/null", image)
    assert nau("save", "-o", "/dev/full", image, status=125).err.count("No space left") == 1


@test
def a_reader_that_goes_away_ends_it_quietly(nau):
    image = nau.image("busybox")
    words = nau.argv("save", image)
    done = subprocess.run(["sh", "-c", '"$@" | head -c 1000 | wc -c', "sh", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=nau.env, text=True, check=True)
    assert done.stdout.strip() == "1000" and done.stderr == "", done


@test(timeout=60)
def a_killed_load_leaves_nothing_that_the_next_one_does_not_settle(nau, tmp):
    write_image(tmp / "i", [Layer().file("a", "1"), Layer().file("b", os.urandom(30 << 20))], compression="plain")
    for delay in (0.03, 0.08, 0.15):
        process = subprocess.Popen(nau.argv("load", "-q", "-i", tmp / "i"), env=nau.env, stdout=subprocess.DEVNULL)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    nau("load", "-q", "-i", tmp / "i")
    assert nau("lease", "ls", "-q").lines == []
    nau("rmi", "localhost/latest")
    nau("system", "upkeep", status=None)
    assert nau("content", "ls", "-q").lines == [] and nau("snapshot", "ls", "-q").lines == []


@test
def two_loads_at_once_do_not_mind_each_other(nau, tmp):
    write_image(tmp / "i", [Layer().file("a", "1"), Layer().file("b", os.urandom(5 << 20))])
    processes = [subprocess.Popen(nau.argv("load", "-q", "-i", tmp / "i"), env=nau.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        out, err = process.communicate()
        assert (process.returncode, out, err) == (0, b"Loaded image: localhost/latest:latest\n", b""), (out, err)
    assert len(nau("images", "-q").lines) == 1 and nau("lease", "ls", "-q").lines == []


@test
def run_and_pull_take_images_from_where_they_lie(nau, tmp):
    a, b = nau.image("busybox"), nau.image("layers8")
    nau("tag", a, "example.com/a:1")
    nau("tag", b, "example.com/b:2")
    nau("save", "-o", tmp / "both", "example.com/a:1", "example.com/b:2")
    nau("save", "--format", "oci-dir", "-o", tmp / "dir", "example.com/a:1")
    nau("save", "--format", "docker-dir", "-o", tmp / "ddir", "example.com/a:1")
    identifiers = {n: identity(nau, n)[0].removeprefix("sha256:") for n in (a, b)}
    nau("rmi", "-f", a, b, "example.com/a:1", "example.com/b:2")
    assert nau("run", "--rm", f"oci:{tmp / 'dir'}", "echo", "hi").word == "hi"
    assert nau("run", "--rm", f"dir:{tmp / 'ddir'}", "echo", "ho").word == "ho"
    assert nau("pull", "-q", f"oci:{tmp / 'dir'}:1").word == identifiers[a]
    for name in ("example.com/b:2", "2"):
        assert nau("pull", "-q", f"docker-archive:{tmp / 'both'}:{name}").word == identifiers[b]
    assert nau("images", "--format", "{{.Repository}}:{{.Tag}}").lines.count("example.com/b:2") == 1
    nau.fails(125, "pull", f"docker-archive:{tmp / 'both'}", error="holds 2 images")
    nau.fails(125, "pull", f"docker-archive:{tmp / 'both'}:3", error="no image called '3'")
    nau.fails(125, "run", f"oci-archive:{tmp / 'nothing'}", error="No such file")
    nau.fails(125, "pull", "dir:", error="names no file")


main()
