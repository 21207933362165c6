"""Searching: the first version's search where there is one, else the catalog; tags of a repository."""

import json

from nautest import FakeRegistry, layout, main, test

RESULTS = {"results": [{"name": "team/web", "description": "serves\nthe web, " + "x" * 60, "star_count": 12, "is_official": True},
                       {"name": "team/web-old", "description": "", "star_count": 1, "is_automated": True}]}


def searching(handler, method, path):
    if path.startswith("/v1/search"):
        handler.answer(200, {"Content-Type": "application/json"}, json.dumps(RESULTS).encode())
        return True
    return False


@test
def a_registry_with_a_search(nau):
    with FakeRegistry() as fake:
        fake.hook = searching
        result = nau("search", f"{fake.address}/web app")
        assert fake.requests[-1][1] == "/v1/search?q=web%20app&n=25"
        assert result.lines[0].split() == ["NAME", "DESCRIPTION"]
        assert result.lines[1].split() == [f"{fake.address}/team/web", "serves", "the", "web,", "x" * 25 + "..."]
        assert [i["Name"] for i in nau.json("search", "--filter", "stars=5", f"{fake.address}/web")] == [f"{fake.address}/team/web"]
        assert nau("search", "--filter", "is-automated", "--format", "{{.Name}} {{.Stars}}", f"{fake.address}/web").out == \
            f"{fake.address}/team/web-old 1\n"
        assert "x" * 60 in nau("search", "--no-trunc", f"{fake.address}/web").out
        nau("search", "--limit", "7", f"{fake.address}/web")
        assert fake.requests[-1][1] == "/v1/search?q=web&n=7"


@test
def a_registry_with_a_catalog_only(nau, registry):
    registry.add("busybox")
    registry.add("index")
    assert f"{registry.address}/test/busybox" in [i["Name"] for i in nau.json("search", "--limit", "1000", f"{registry.address}/busy")]
    assert nau.json("search", f"{registry.address}/no-such-word") == []


@test
def registries_of_the_administrator_are_all_asked(nau, tmp):
    with FakeRegistry() as fake:
        fake.hook = searching
        conf = tmp / "registries.conf"
        conf.write_text(f'unqualified-search-registries = ["127.0.0.1:1", "{fake.address}"]\n')
        result = nau("search", "--format", "{{.Index}}", "web", env={"CONTAINERS_REGISTRIES_CONF": str(conf)})
        assert result.lines == [fake.address] * 2 and "127.0.0.1:1" in result.err


@test
def tags_of_a_repository(nau):
    with FakeRegistry() as fake:
        def hook(handler, method, path):
            if path.startswith("/v2/a/b/tags/list"):
                page = "last=" in path
                handler.answer(200, {} if page else {"Link": '</v2/a/b/tags/list?last=v2&n=2>; rel="next"'},
                               json.dumps({"name": "a/b", "tags": ["v3"] if page else ["v1", "v2"]}).encode())
                return True
            return False

        fake.hook = hook
        assert nau("search", "--list-tags", f"{fake.address}/a/b").lines[1:] == [f"{fake.address}/a/b  v{i}" for i in (1, 2, 3)]
        assert nau.json("search", "--list-tags", "--limit", "2", f"{fake.address}/a/b") == [{"Name": f"{fake.address}/a/b", "Tags": ["v1", "v2"]}]
        nau.fails(125, "search", "--list-tags", f"{fake.address}/no/such", error="no/such")
        nau.fails(125, "search", "--list-tags", "--filter", "stars=1", f"{fake.address}/a/b", error="exclude")


@test
def what_is_refused(nau):
    nau.fails(125, "search", "127.0.0.1:1/x", error="searching 127.0.0.1:1")
    nau.fails(125, "search", "--limit", "0", "x", error="1 to 1000")
    nau.fails(125, "search", "--filter", "size=1", "x", error="stars")
    nau.fails(125, "search", "", error="empty")


main()
