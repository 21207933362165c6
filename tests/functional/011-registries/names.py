"""What a name means: registries.conf with its mirrors, prefixes, short names and blocks; who knows the password."""

import json
import os

from nautest import FakeRegistry, Registry, layout, main, test


def conf(path, text):
    path.write_text(text)
    return {"CONTAINERS_REGISTRIES_CONF": str(path)}


@test
def a_prefix_is_asked_for_elsewhere_and_keeps_its_name(nau, tmp, registry):
    reference = registry.add("busybox")
    address, repository = reference.split("/", 1)
    env = conf(tmp / "registries.conf", f'[[registry]]\nprefix = "images.example/base"\nlocation = "{address}/test"\ninsecure = true\n')
    name = "images.example/base/" + repository.removeprefix("test/")
    nau("pull", "-q", name, env=env)
    assert [i["Names"] for i in nau.json("images")] == [[name]]


@test
def mirrors_are_asked_first_and_the_registry_itself_when_they_fail(nau, tmp, registry):
    reference = registry.add("busybox")
    address, repository = reference.split("/", 1)
    with FakeRegistry() as empty:
        env = conf(tmp / "registries.conf",
                   f'[[registry]]\nprefix = "images.example"\nlocation = "{address}"\ninsecure = true\n'
                   f'[[registry.mirror]]\nlocation = "{empty.address}/mirror"\ninsecure = true\n')
        nau("pull", "-q", f"images.example/{repository}", env=env)
        assert any(path.startswith("/v2/mirror/") for _, path, _ in empty.requests), empty.requests


@test
def a_blocked_registry_is_not_asked(nau, tmp):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/busybox")
        env = conf(tmp / "registries.conf", f'[[registry]]\nprefix = "{fake.address}"\nblocked = true\n')
        nau.fails(125, "pull", reference, env=env, error="blocked")
        assert not fake.requests


@test
def a_short_name_by_its_alias(nau, tmp, registry):
    reference = registry.add("busybox")
    name, _, tag = reference.rpartition(":")
    env = conf(tmp / "registries.conf", f'[aliases]\n"little" = "{name}"\n')
    nau("pull", "-q", f"little:{tag}", env=env)
    assert nau("run", "--rm", "--network", "none", "--pull", "never", reference, "echo", "here").out == "here\n"


@test
def a_short_name_is_looked_for_where_the_administrator_says(nau, tmp, registry):
    reference = registry.add("busybox")
    address, repository = reference.split("/", 1)
    env = conf(tmp / "registries.conf", f'unqualified-search-registries = ["{address}"]\n')
    nau("pull", "-q", repository, env=env)
    assert [i["Names"] for i in nau.json("images")] == [[reference]]


@test
def a_damaged_file_is_named_with_the_place(nau, tmp):
    env = conf(tmp / "registries.conf", "[[registry]]\nlocation = 'http://a'\n")
    nau.fails(125, "pull", "example.com/a", env=env, error=r"registries\.conf.*registry\[0\].*scheme")
    env = conf(tmp / "registries.conf", "[[registry]\n")
    nau.fails(125, "pull", "example.com/a", env=env, error=r"registries\.conf")
    nau.fails(125, "pull", "example.com/a", env={"CONTAINERS_REGISTRIES_CONF": str(tmp / "gone")}, error="gone")


@test
def a_credential_helper_is_asked_for_its_registry(nau, tmp):
    with Registry(auth="basic") as r:
        helpers = tmp / "bin"
        helpers.mkdir()
        helper = helpers / "docker-credential-tests"
        helper.write_text('#!/bin/sh\nread server\necho "$1 $server" >> ' + str(tmp / "asked") + "\n"
                          f"""echo '{json.dumps({"Username": r.user, "Secret": r.password})}'\n""")
        helper.chmod(0o755)
        config = tmp / "auth.json"
        config.write_text(json.dumps({"credHelpers": {r.address: "tests"}}))
        reference = r.add("busybox")
        nau("pull", "-q", reference, env={"REGISTRY_AUTH_FILE": str(config), "PATH": f"{helpers}:{os.environ['PATH']}"})
        assert (tmp / "asked").read_text().splitlines()[0] == f"get {r.address}"
        helper.unlink()
        nau.fails(125, "pull", reference, env={"REGISTRY_AUTH_FILE": str(config)}, error="docker-credential-tests")


@test
def policies_say_when_the_registry_is_asked(nau):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/busybox")
        nau.fails(125, "run", "--pull", "never", reference, "true", error="never|not here|no such image")
        assert not fake.requests
        nau("pull", "-q", "--policy", "missing", reference)
        seen = len(fake.requests)
        nau("pull", "-q", "--policy", "missing", reference)
        assert len(fake.requests) == seen
        nau("pull", "-q", "--policy", "newer", reference)
        assert len(fake.requests) > seen


@test
def all_tags_of_a_repository(nau, registry):
    first = registry.add("busybox")
    repository = first.rpartition(":")[0]
    nau("pull", "-q", "--all-tags", repository)
    assert first in [name for image in nau.json("images") for name in image["Names"]]


main()
