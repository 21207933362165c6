"""How a registry is reached: certificates of certs.d, client certificates, HTTP and SOCKS proxies."""

import base64
import shutil

from nautest import FakeRegistry, Registry, layout, main, test
from nautest.proxy import Proxy
from nautest.registry import Certificates


@test
def certs_d_of_the_user(nau, tmp):
    with Registry(tls=True) as r:
        reference = r.add("busybox")
        nau.fails(125, "pull", "--tls-verify=true", reference, error="certificate")
        folder = nau.home / ".config/containers/certs.d" / r.address
        folder.mkdir(parents=True)
        shutil.copy(r.certificates.ca, folder / "any.crt")
        nau("pull", "-q", "--tls-verify=true", reference)
        nau("push", "-q", "--tls-verify=true", reference, r.reference("again"))


@test
def client_certificates(nau, tmp):
    with Registry(tls="client") as r:
        reference = r.add("busybox")
        only_ca = tmp / "only-ca"
        only_ca.mkdir()
        shutil.copy(r.certificates.ca, only_ca / "ca.crt")
        nau.fails(125, "pull", "--retry", "0", "--cert-dir", only_ca, reference)
        nau("pull", "-q", "--cert-dir", r.certificates.client(tmp / "with"), reference)
        nau("push", "-q", "--cert-dir", tmp / "with", reference, r.reference("again"))
        (tmp / "with" / "client.key").unlink()
        nau.fails(125, "pull", "--cert-dir", tmp / "with", reference, error="client.cert")


@test
def an_http_proxy_for_both_schemes(nau, tmp):
    with FakeRegistry() as fake, Proxy(fake.address) as proxy:
        fake.put_layout(layout("busybox"), "a/b")
        env = {"http_proxy": f"http://user:secret@{proxy.address}"}
        # registries.conf may say that a registry speaks plain HTTP
        conf = tmp / "registries.conf"
        conf.write_text('[[registry]]\nprefix = "registry.test:80"\ninsecure = true\n')
        env |= {"CONTAINERS_REGISTRIES_CONF": str(conf), "https_proxy": env["http_proxy"]}
        result = nau("--log-level=trace", "pull", "-q", "registry.test:80/a/b", env=env)
        plain = [asked for asked in proxy.asked if asked[0] != "CONNECT"]
        assert plain and {asked[1] for asked in plain} == {"registry.test"}
        assert {asked[2] for asked in proxy.asked} == {"Basic " + base64.b64encode(b"user:secret").decode()}
        assert "secret" not in result.err
        assert not [h for _, _, h in fake.requests if "Proxy-Authorization" in h]


@test
def https_through_a_proxy_and_around_it(nau, tmp):
    certificates = Certificates(tmp / "certificates")
    with FakeRegistry(tls=certificates) as fake, Proxy(fake.address) as proxy:
        fake.put_layout(layout("busybox"), "a/b")
        env = {"SSL_CERT_FILE": str(certificates.ca), "HTTPS_PROXY": f"http://{proxy.address}"}
        nau("pull", "-q", "registry.test/a/b", env=env)
        assert {asked[:2] for asked in proxy.asked} == {("CONNECT", "registry.test:443")}
        proxy.asked.clear()
        nau.fails(125, "pull", "registry.test/a/b", env={**env, "NO_PROXY": "other.example,registry.test"}, error="registry.test")
        nau("pull", "-q", f"{fake.address}/a/b", env=env)  # this machine is never asked for through a proxy
        assert proxy.asked == []


@test
def a_socks_proxy_resolves_the_name(nau, tmp):
    certificates = Certificates(tmp / "certificates")
    with FakeRegistry(tls=certificates) as fake, Proxy(fake.address) as proxy:
        fake.put_layout(layout("busybox"), "a/b")
        nau("pull", "-q", "registry.test/a/b", env={"SSL_CERT_FILE": str(certificates.ca), "all_proxy": f"socks5h://{proxy.address}"})
        assert {asked[:2] for asked in proxy.asked} == {("SOCKS", "registry.test:443")}


@test
def a_proxy_that_is_not_there_is_named(nau):
    nau.fails(125, "pull", "--retry", "0", "registry.test/a/b", env={"HTTPS_PROXY": "http://127.0.0.1:1"}, error="registry.test|127.0.0.1:1|proxy")


main()
