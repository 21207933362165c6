"""Registries that want more than to be asked: credentials, other hosts, time, memory. One clear error each, bounded everything."""

import json
import resource

from nautest import FakeRegistry, Layer, layout, main, test, write_image
from nautest.images import MANIFEST
from nautest.proxy import Proxy
from nautest.registry import Certificates

ONCE = ("--retry", "0")
CREDS = ("--creds", "user:tell-nobody")


def secrets_in(requests):
    return [headers for _, _, headers in requests if "Authorization" in headers]


class Elsewhere:
    """registry.test over TLS, which is not this machine as far as nau can tell; `hook` as FakeRegistry has it."""

    def __init__(self, tmp, hook=None):
        self.certificates = Certificates(tmp / "certificates")
        self.fake = FakeRegistry(tls=self.certificates)
        self.fake.hook = hook
        self.proxy = Proxy(self.fake.address)
        self.env = {"SSL_CERT_FILE": str(self.certificates.ca), "https_proxy": f"http://{self.proxy.address}",
                    "http_proxy": f"http://{self.proxy.address}"}

    def __enter__(self):
        self.fake.put_layout(layout("busybox"), "test/image")
        return self

    def __exit__(self, *_):
        self.proxy.__exit__()
        self.fake.__exit__()


@test
def a_token_realm_that_is_not_asked(nau, tmp):
    """Plain HTTP elsewhere, and what listens on this machine, are none of a stranger's business."""
    with FakeRegistry() as local:
        realms = {f"http://{local.address}/token": "not https", "http://realm.test/token": "not https", "file:///etc/shadow": "invalid realm",
                  "https://user:pass@realm.test/": "invalid realm", "gopher://realm.test/": "invalid realm", "": "invalid realm"}
        current = []

        def hook(handler, method, path):
            handler.answer(401, {"WWW-Authenticate": f'Bearer realm="{current[-1]}",service="s",scope="repository:test/image:pull"'})
            return True

        with Elsewhere(tmp, hook) as far:
            for realm, error in realms.items():
                current.append(realm)
                result = nau.fails(125, "pull", *ONCE, *CREDS, "registry.test/test/image", env=far.env, error=error)
                assert "tell-nobody" not in result.err
            assert local.requests == [] and not secrets_in(far.fake.requests)


@test
def redirects_that_are_not_followed(nau, tmp):
    with FakeRegistry() as local:
        local.put_layout(layout("busybox"), "test/image")
        current = []

        def hook(handler, method, path):
            if "/blobs/" in path:
                handler.answer(307, {"Location": current[-1]})
                return True
            return False

        with Elsewhere(tmp, hook) as far:
            for target, error in {f"http://{local.address}/x": "from https to http", "ftp://registry.test/x": "no http",
                                  "file:///etc/passwd": "no http", "javascript:x": "no http", "//": "no http",
                                  "/again": "more than 10 redirects|404|unknown", "https://user@registry.test/x": "no http"}.items():
                current.append(target)
                nau.fails(125, "pull", *ONCE, "registry.test/test/image", env=far.env, error=error)
            assert local.requests == [] and nau("images", "-q").out == ""


@test
def redirects_in_a_circle(nau):
    with FakeRegistry() as fake:
        fake.hook = lambda handler, method, path: handler.answer(302, {"Location": path}) or True
        nau.fails(125, "pull", *ONCE, f"{fake.address}/a/b", error="more than 10 redirects")
        assert len(fake.requests) <= 40


@test
def wrong_ranges(nau, tmp):
    """After a break the rest is asked for; what comes has to be that rest."""
    data = bytes(range(256)) * 4000
    write_image(tmp / "image", [Layer().file("data", data)], compression="plain")
    for kind in ("shifted", "total", "no range", "short"):
        with FakeRegistry() as fake:
            reference = fake.put_layout(tmp / "image", "test/image")
            name = json.loads(fake.manifests["test/image", "latest"][1])["layers"][0]["digest"]
            blob = fake.blobs[name]

            def hook(handler, method, path, kind=kind, name=name, blob=blob):
                if not path.endswith(name) or method != "GET":
                    return False
                asked = handler.headers.get("Range")
                if not asked:
                    handler.answer(200, {"Content-Length": str(len(blob))}, blob[:100000])
                    handler.close_connection = True
                    return True
                first = int(asked.partition("=")[2].partition("-")[0])
                shift = 7 if kind == "shifted" else 0
                total = len(blob) + (1 if kind == "total" else 0)
                body = blob[first + shift:]
                if kind == "short":
                    body = body[:-10]
                headers = {} if kind == "no range" else {"Content-Range": f"bytes {first + shift}-{len(blob) - 1}/{total}"}
                handler.answer(206, headers, body)
                return True

            fake.hook = hook
            nau.fails(125, "pull", "--retry", "1", "--retry-delay", "0", reference, error=name[:19])
            assert nau("images", "-q").out == "", kind


@test
def a_busy_registry_is_asked_again_when_it_says(nau):
    for status in (429, 503):
        with FakeRegistry() as fake:
            reference = fake.put_layout(layout("busybox"), "test/image")
            busy = []

            def hook(handler, method, path, status=status, busy=busy):
                if "/blobs/" in path and len(busy) < 2:
                    busy.append(path)
                    handler.answer(status, {"Retry-After": "0"})
                    return True
                return False

            fake.hook = hook
            nau("pull", "-q", "--retry", "2", reference)
            assert len(busy) == 2
            nau("rmi", "-f", reference)


@test
def a_registry_that_wants_us_to_wait_for_ever(nau):
    with FakeRegistry() as fake:
        fake.hook = lambda handler, method, path: handler.answer(429, {"Retry-After": "86400"}) or True
        nau.fails(125, "pull", f"{fake.address}/a/b", error="limits the number of requests")
        assert len(fake.requests) == 1


@test(timeout=100)
def endless_answers_end_in_bounded_memory(nau):
    """Headers, a token, an error page, a manifest, a list of tags: of each a stranger could send gigabytes."""
    def endless_header(handler, method, path):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(20000):
            handler.wfile.write(b"X-Filler: " + b"x" * 1000 + b"\r\n")
        return True

    def endless_body(status, kind="application/json"):
        def hook(handler, method, path):
            handler.send_response(status)
            handler.send_header("Content-Type", kind)
            handler.send_header("Connection", "close")
            handler.end_headers()
            handler.close_connection = True
            for _ in range(400):
                handler.wfile.write(b'{"x": "' + b"x" * (1 << 20))
            return True
        return hook

    def endless_token(handler, method, path):
        if path.startswith("/token"):
            return endless_body(200)(handler, method, path)
        handler.answer(401, {"WWW-Authenticate": f'Bearer realm="http://{handler.headers["Host"]}/token",service="s"'})
        return True

    for name, hook, error in (("headers", endless_header, "headers are larger"), ("manifest", endless_body(200, MANIFEST), "larger than"),
                              ("error", endless_body(500), "500"), ("token", endless_token, "larger than")):
        with FakeRegistry() as fake:
            fake.hook = hook
            nau.fails(125, "pull", *ONCE, f"{fake.address}/a/b", error=error)
    with FakeRegistry() as fake:
        def hook(handler, method, path):
            page = int(path.rpartition("=")[2])
            handler.answer(200, {"Link": f'</v2/a/b/tags/list?n={page + 1}>; rel="next"'},
                           json.dumps({"tags": [f"t{page}-{i}" for i in range(9000)]}).encode())
            return True
        fake.hook = hook
        nau.fails(125, "search", "--list-tags", *CREDS, f"{fake.address}/a/b", error="too many")
        assert len(fake.requests) <= 13
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    limit = 600_000 if "ASAN_OPTIONS" in nau.env else 100_000
    assert peak < limit, f"{peak} kB at the peak"


@test
def sizes_that_lie(nau, tmp):
    """The index says another size or type than its manifest has, the manifest another size of the config."""
    for lie in ("size", "type", "config"):
        with FakeRegistry() as fake:
            fake.put_layout(layout("index"), "test/image")
            index = json.loads(fake.manifests["test/image", "latest"][1])
            for entry in index["manifests"]:
                if lie == "size":
                    entry["size"] += 1
                elif lie == "type":
                    entry["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json"
                else:
                    manifest = json.loads(fake.manifests["test/image", entry["digest"]][1])
                    manifest["config"]["size"] -= 1
                    entry["digest"] = fake.put_manifest("test/image", "x", manifest)
                    entry["size"] = len(json.dumps(manifest).encode())
            fake.put_manifest("test/image", "latest", index, "application/vnd.oci.image.index.v1+json")
            nau.fails(125, "pull", *ONCE, f"{fake.address}/test/image", error="sha256:")
            assert nau("images", "-q").out == ""


@test
def uploads_to_where_they_do_not_belong(nau, tmp):
    """A registry names the place of an upload: not this machine, not plain HTTP, and nowhere with credentials."""
    image = "own:1"
    nau("import", "-", image, input=Layer().file("a", "a").tar())
    with FakeRegistry() as local:
        current = []

        def hook(handler, method, path):
            if method == "POST":
                handler.answer(202, {"Location": current[-1]})
                return True
            return False

        with Elsewhere(tmp, hook) as far:
            for location, error in {f"http://{local.address}/up": "from https to http", f"https://{local.address}/up": "this machine",
                                    "ftp://x/": "where to upload", "": "where to upload"}.items():
                current.append(location)
                nau.fails(125, "push", *ONCE, *CREDS, image, "registry.test/a/b", env=far.env, error=error)
        assert local.requests == []


main()
