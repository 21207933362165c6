"""TLS, passwords and tokens."""

import base64
import json

from nautest import FakeRegistry, Registry, layout, main, test
from nautest.registry import Certificates


def nothing_is_stored(nau):
    assert nau("images", "-aq").out == ""
    for directory in ("content/blobs/sha256", "content/ingest", "snapshots"):
        assert not (nau.root / directory).exists() or list((nau.root / directory).iterdir()) == [], directory


def auth_file(path, address, user, password):
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    path.write_text(json.dumps({"auths": {address: {"auth": token}}}))
    return path


@test
def tls_with_a_ca_of_the_system_bundle(nau):
    with Registry(tls=True) as r:
        reference = r.add("busybox")
        nau("pull", "-q", reference, env={"SSL_CERT_FILE": str(r.certificates.ca)})


@test
def tls_with_a_ca_from_the_cert_dir(nau, tmp):
    with Registry(tls=True) as r:
        reference = r.add("busybox")
        (tmp / "ca.crt").write_bytes(r.certificates.ca.read_bytes())
        nau("pull", "-q", "--cert-dir", tmp, reference)


@test
def an_unknown_ca_is_refused_and_tls_verify_false_accepts_it(nau):
    with Registry(tls=True) as r:
        reference = r.add("busybox")
        # --tls-verify, because loopback addresses may be spoken to in plain HTTP
        result = nau.fails(125, "pull", "--tls-verify=true", reference, error="certificate")
        assert f"certificate of {r.address} is not trusted" in result.err, result
        assert f"/etc/containers/certs.d/{r.address}/ca.crt, or do without verification by --tls-verify=false" in result.err, result
        nothing_is_stored(nau)
        nau("pull", "-q", "--tls-verify=false", reference)


@test
def a_certificate_for_another_name_is_refused(nau, tmp):
    certificates = Certificates(tmp / "certificates")
    with FakeRegistry(tls=certificates, bind="127.0.0.2") as fake:
        reference = fake.put_layout(layout("busybox"), "test/busybox")
        nau.fails(125, "pull", "--tls-verify=true", reference, error="certificate", env={"SSL_CERT_FILE": str(certificates.ca)})


@test
def a_password_from_the_command_line(nau):
    with Registry(auth="basic") as r:
        nau("pull", "-q", "--creds", f"{r.user}:{r.password}", r.add("busybox"))


@test
def a_password_from_the_auth_file(nau, tmp):
    with Registry(auth="basic") as r:
        file = auth_file(tmp / "auth.json", r.address, r.user, r.password)
        nau("pull", "-q", "--authfile", file, r.add("busybox"))


@test
def a_password_over_tls(nau, tmp):
    with Registry(tls=True, auth="basic") as r:
        nau("pull", "-q", "--creds", f"{r.user}:{r.password}", r.add("busybox"), env={"SSL_CERT_FILE": str(r.certificates.ca)})


@test
def no_password_and_a_wrong_one_are_refused_and_the_password_is_never_shown(nau):
    with Registry(auth="basic") as r:
        reference = r.add("busybox")
        result = nau.fails(125, "pull", "-q", reference, error=f"pulling {reference}: ")
        assert "authentication required" in result.err and f"nau login {r.address}" in result.err, result
        result = nau.fails(125, "pull", "-q", "--creds", f"{r.user}:wrong-secret", reference, error=f"pulling {reference}: ")
        assert "authentication required" in result.err and f"nau login {r.address}" in result.err, result
        assert "wrong-secret" not in result.err
        nothing_is_stored(nau)


@test
def a_bearer_token_is_asked_for_once_with_the_password(nau):
    with Registry(auth="token") as r:
        reference = r.add("layers8")
        r.tokens.requests.clear()
        nau("pull", "-q", "--creds", f"{r.user}:{r.password}", reference)
        assert 1 <= len(r.tokens.requests) <= 2, r.tokens.requests
        path, headers = r.tokens.requests[0]
        assert "repository%3Atest%2Flayers8%3Apull" in path or "repository:test/layers8:pull" in path, path
        assert "service=nau-test-registry" in path, path


@test
def secrets_are_not_in_the_trace(nau):
    with Registry(auth="token") as r:
        reference = r.add("busybox")
        result = nau("--log-level=trace", "pull", "-q", "--creds", f"{r.user}:{r.password}", reference)
        encoded = base64.b64encode(f"{r.user}:{r.password}".encode()).decode()
        assert r.password not in result.err and encoded not in result.err
        assert "eyJ" not in result.err, "a token is in the trace"


@test
def credentials_do_not_follow_a_redirect_to_another_host(nau):
    with FakeRegistry() as store, FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/busybox")
        store.blobs = fake.blobs

        def hook(handler, method, path):
            if handler.headers.get("Authorization") is None:
                handler.answer(401, {"WWW-Authenticate": 'Basic realm="test"'})
                return True
            if "/blobs/" in path:
                handler.answer(307, {"Location": f"http://{store.address}/v2/test/busybox/blobs/{path.rpartition('/')[2]}"})
                return True
            return False

        fake.hook = hook
        nau("pull", "-q", "--creds", "user:secret", reference)
        assert store.requests
        assert not [h for _, _, h in store.requests if "Authorization" in h], store.requests


main()
