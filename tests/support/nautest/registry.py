"""Registries on loopback.

Registry      the distribution's docker-registry: plain, with TLS from a CA made here, with a password, with tokens
FakeRegistry  a small one in Python whose answers a test can spoil
"""

import base64
import fcntl
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request

from . import host, images

USER, PASSWORD = "tester", "s3cret:with colon"


def _run(*argv, **options):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: status {done.returncode}: {done.stdout.decode(errors='replace')[-2000:]}")
    return done.stdout


class Certificates:
    """A CA and a server certificate for localhost, 127.0.0.1 and registry.test, made with openssl(1)."""

    def __init__(self, directory, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):  # 20 times faster than RSA
        self.new_key = ["-newkey", *key, "-nodes"]
        self.directory = pathlib.Path(directory)
        self.ca, self.ca_key = self.directory / "ca.crt", self.directory / "ca.key"
        self.certificate, self.key = self.directory / "server.crt", self.directory / "server.key"
        self.directory.mkdir(parents=True, exist_ok=True)
        extensions = self.directory / "ext"
        extensions.write_text("subjectAltName=DNS:localhost,DNS:registry.test,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        _run("openssl", "req", "-x509", *self.new_key, "-days", "2", "-subj", "/CN=nau test CA",
             "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,digitalSignature",
             "-keyout", str(self.ca_key), "-out", str(self.ca))
        request = self.directory / "server.csr"
        _run("openssl", "req", *self.new_key, "-subj", "/CN=localhost", "-keyout", str(self.key),
             "-out", str(request))
        _run("openssl", "x509", "-req", "-in", str(request), "-CA", str(self.ca), "-CAkey", str(self.ca_key),
             "-CAcreateserial", "-days", "2", "-extfile", str(extensions), "-out", str(self.certificate))

    def client(self, directory):
        """Writes client.cert and client.key, and the CA as ca.crt: what certs.d holds for a host."""
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        request, extensions = self.directory / "client.csr", self.directory / "client.ext"
        extensions.write_text("extendedKeyUsage=clientAuth\n")
        _run("openssl", "req", *self.new_key, "-subj", "/CN=client", "-keyout", str(directory / "client.key"),
             "-out", str(request))
        _run("openssl", "x509", "-req", "-in", str(request), "-CA", str(self.ca), "-CAkey", str(self.ca_key), "-CAcreateserial",
             "-days", "2", "-extfile", str(extensions), "-out", str(directory / "client.cert"))
        shutil.copy(self.ca, directory / "ca.crt")
        return directory


class Registry:
    """docker-registry with its storage in a temporary directory; a context manager.

    tls   True: HTTPS with a certificate of `ca` (a path); 'client': and clients have to show one of the same CA
    auth  None, 'basic' (user and password of this class) or 'token' (the bearer protocol, own token server)
    """

    user, password = USER, PASSWORD

    def __init__(self, tls=False, auth=None, directory=None):
        self.tls, self.auth = tls, auth
        self._own = directory is None
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="nau-registry-", dir=host.state_base()))
        self.process = None
        self.certificates = None
        self.tokens = None
        self.address = None

    # ---- life

    def start(self):
        from .harness import skip
        if not host.Host.has("docker-registry", "skopeo"):
            skip("needs docker-registry and skopeo")
        if (self.tls or self.auth == "token") and self.certificates is None:
            rsa = {"key": ["rsa:2048"]} if self.auth == "token" else {}  # tokens are signed by RS256
            self.certificates = Certificates(self.directory / "certificates", **rsa)
        for _ in range(5):  # the free port may be taken by somebody else in between
            port = host.free_port()
            self.address = f"127.0.0.1:{port}"
            config = self.directory / "config.json"  # JSON is YAML
            config.write_text(json.dumps(self._config()))
            with open(self.directory / "log", "ab") as log:
                self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stdin=subprocess.DEVNULL,
                                                stdout=log, stderr=log, env={"PATH": os.environ.get("PATH", "")})
            if self._wait():
                return self
        raise RuntimeError("docker-registry does not start: " + (self.directory / "log").read_text()[-2000:])

    def _wait(self):
        deadline = time.monotonic() + 10
        import socket
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", int(self.address.rpartition(":")[2])), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None
        if self.tokens:
            self.tokens.stop()
        if self._own:
            shutil.rmtree(self.directory, ignore_errors=True)

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    def _config(self):
        config = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(self.directory / "storage")}, "delete": {"enabled": True}},
            "http": {"addr": self.address, "secret": "0123456789"},
        }
        if self.tls:
            config["http"]["tls"] = {"certificate": str(self.certificates.certificate), "key": str(self.certificates.key)}
            if self.tls == "client":
                config["http"]["tls"]["clientcas"] = [str(self.certificates.ca)]
        if self.auth == "basic":
            passwords = self.directory / "htpasswd"
            passwords.write_bytes(_run("htpasswd", "-Bbn", self.user, self.password))
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(passwords)}}
        if self.auth == "token":
            self.tokens = self.tokens or TokenServer(self.certificates, self.user, self.password)
            config["auth"] = {"token": {"realm": self.tokens.url, "service": "nau-test-registry", "issuer": "nau-test",
                                        "rootcertbundle": str(self.certificates.ca)}}
        return config

    # ---- the session's registry

    _session = None

    @staticmethod
    def session():
        """The registry that tests/functional/run has started for all files (NAU_TEST_REGISTRY: its directory)."""
        from .harness import skip
        directory = os.environ.get("NAU_TEST_REGISTRY")
        if not directory or not os.path.exists(f"{directory}/address"):
            skip("needs the session's registry (docker-registry, skopeo; run through tests/functional/run)")
        if Registry._session is None:
            Registry._session = Registry(directory=directory)
            Registry._session.address = pathlib.Path(directory, "address").read_text().strip()
        return Registry._session

    # ---- content

    def reference(self, name, tag="latest"):
        return f"{self.address}/{name}:{tag}"

    def add(self, name, compression=None, docker=False):
        """Brings a named image (images.IMAGES) into the registry, once; returns its reference.

        compression  None: as it is made (gzip); 'zstd', 'plain' or 'gzip' rewrites the layers
        docker       True: as Docker schema 2
        """
        target = f"test/{name}" + (f"-{compression}" if compression else "") + ("-docker" if docker else "")
        reference = self.reference(target)
        mark = self.directory / "added" / target.replace("/", "_")
        mark.parent.mkdir(exist_ok=True)
        if mark.exists():
            return reference
        source = images.layout(name, compression)  # has a lock of its own
        with open(f"{mark}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not mark.exists():
                self.push(source, target, docker=docker)
                mark.touch()
        return reference

    def push(self, source, name, tag="latest", docker=False):
        """Copies an OCI layout into the registry with skopeo, unchanged unless `docker`; returns the reference."""
        options = ["--format", "v2s2"] if docker else ["--preserve-digests"]
        if self.tls:
            certificates = self.certificates.client(self.directory / "skopeo-certs")
            options += ["--dest-cert-dir", str(certificates)]
        else:
            options += ["--dest-tls-verify=false"]
        if self.auth:
            # not --dest-creds: it splits at the last colon of some versions, and the password has one
            auth = self.directory / "skopeo-auth.json"
            token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            auth.write_text(json.dumps({"auths": {self.address: {"auth": token}}}))
            options += ["--dest-authfile", str(auth)]
        _run("skopeo", "copy", "-q", "--all", *options, f"oci:{source}:latest", f"docker://{self.address}/{name}:{tag}",
             env={**os.environ, "no_proxy": "*"})
        return self.reference(name, tag)

    def fetch(self, path):
        """A GET below /v2/ of a plain registry without authentication; (headers, bytes)."""
        request = urllib.request.Request(f"http://{self.address}/v2/{path}", headers={"Accept": ", ".join(images.MANIFEST_TYPES)})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return answer.headers, answer.read()

    def digest(self, name, tag="latest"):
        """Digest of what the tag names."""
        return self.fetch(f"{name}/manifests/{tag}")[0]["Docker-Content-Digest"]

    def log(self):
        """docker-registry's log: what was asked of it."""
        return (self.directory / "log").read_text(errors="replace")


class TokenServer:
    """Issues bearer tokens as docker-registry wants them: JWT, RS256, certificate chain in x5c."""

    def __init__(self, certificates, user, password):
        self.requests = []
        self._certificates = certificates
        expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                if self.headers.get("Authorization") != expected:
                    self.send_response(401)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                import urllib.parse
                query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
                body = json.dumps({"token": outer._token(query.get("scope", []), query.get("service", [""])[0]),
                                   "expires_in": 300}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def _token(self, scopes, service):
        def part(data):
            data = json.dumps(data).encode() if not isinstance(data, bytes) else data
            return base64.urlsafe_b64encode(data).rstrip(b"=")

        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        pem = self._certificates.certificate.read_text()
        der = "".join(pem.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0].split())
        now = int(time.time())
        head = part({"typ": "JWT", "alg": "RS256", "x5c": [der]})
        body = part({"iss": "nau-test", "sub": USER, "aud": service, "exp": now + 300, "nbf": now - 10, "iat": now,
                     "jti": str(now), "access": access})
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(self._certificates.key)], input=head + b"." + body,
                                stdout=subprocess.PIPE, check=True).stdout
        return (head + b"." + body + b"." + part(signed)).decode()


class FakeRegistry:
    """A registry in memory for answers that no honest registry gives; a context manager.

    Fill it with put_blob(), put_manifest() or put_layout(). `hook`, when set, sees each request first:
    hook(handler, method, path) -> True when it has answered it itself (handler is a BaseHTTPRequestHandler;
    handler.answer(status, headers, body) helps). `requests` lists (method, path, headers) of all.
    """

    def __init__(self, tls=None, bind="127.0.0.1", port=0):
        self.blobs, self.manifests, self.requests = {}, {}, []
        self.hook = None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer._handle(self, "GET")

            def do_HEAD(self):
                outer._handle(self, "HEAD")

            def do_POST(self):
                outer._handle(self, "POST")

            def answer(self, status, headers=None, body=b"", length=None):
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                if "Content-Length" not in (headers or {}):
                    self.send_header("Content-Length", str(len(body) if length is None else length))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # the client went away: that is what some tests are about

        self._server = Server((bind, port), Handler)
        if tls:  # a Certificates
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.certificate, tls.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"{bind}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def put_blob(self, data):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    def put_manifest(self, name, tag, manifest, media_type=images.MANIFEST):
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.manifests[name, tag] = self.manifests[name, digest] = (media_type, data)
        return digest

    def put_layout(self, source, name, tag="latest"):
        """Takes everything from an OCI layout; returns the reference."""
        source = pathlib.Path(source)
        top = json.loads((source / "index.json").read_text())["manifests"][0]
        for blob in (source / "blobs" / "sha256").iterdir():
            self.blobs["sha256:" + blob.name] = blob.read_bytes()
        todo = [top]
        while todo:
            descriptor = todo.pop()
            data = self.blobs[descriptor["digest"]]
            self.manifests[name, descriptor["digest"]] = (descriptor["mediaType"], data)
            todo += json.loads(data).get("manifests", [])
        self.manifests[name, tag] = self.manifests[name, top["digest"]]
        return f"{self.address}/{name}:{tag}"

    def _handle(self, handler, method):
        path = handler.path
        self.requests.append((method, path, dict(handler.headers)))
        if self.hook and self.hook(handler, method, path):
            return
        if method == "POST":
            return handler.answer(405)
        if path in ("/v2", "/v2/"):
            return handler.answer(200, {"Docker-Distribution-API-Version": "registry/2.0"})
        name, _, last = path.removeprefix("/v2/").rpartition("/")
        name, _, kind = name.rpartition("/")
        if kind == "manifests" and (name, last) in self.manifests:
            media_type, data = self.manifests[name, last]
            digest = "sha256:" + hashlib.sha256(data).hexdigest()
            return handler.answer(200, {"Content-Type": media_type, "Docker-Content-Digest": digest}, data)
        if kind == "blobs" and last in self.blobs:
            return handler.answer(200, {"Content-Type": "application/octet-stream"}, self.blobs[last])
        code = "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN"
        handler.answer(404, {"Content-Type": "application/json"},
                       json.dumps({"errors": [{"code": code, "message": "not known here"}]}).encode())
