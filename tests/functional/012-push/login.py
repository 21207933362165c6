"""Logging in and out: credentials are tried before they are kept, where podman and docker look for them."""

import base64
import json
import os
import stat

from nautest import FakeRegistry, Registry, layout, main, test


def entry(user, password):
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@test
def credentials_are_tried_and_kept_for_pull_and_push(nau, tmp):
    with Registry(auth="basic") as r:
        file = tmp / "new" / "auth.json"
        env = {"REGISTRY_AUTH_FILE": str(file)}
        result = nau("login", "-u", r.user, "--password-stdin", "-v", r.address, input=r.password + "\n", env=env)
        assert result.lines == [f"Used:  {file}", "Login Succeeded!"]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text()) == {"auths": {r.address: entry(r.user, r.password)}}
        assert nau("login", "--get-login", r.address, env=env).out == r.user + "\n"
        reference = r.add("busybox")
        nau("pull", "-q", reference, env=env)
        nau("push", "-q", reference, r.reference("mine"), env=env)
        assert "Already logged in" in nau("login", r.address, env=env).out
        assert nau("logout", r.address, env=env).out == f"Removed login credentials for {r.address}\n"
        assert json.loads(file.read_text()) == {"auths": {}}
        nau.fails(125, "logout", r.address, env=env, error="not logged in")
        nau.fails(125, "login", "--get-login", r.address, env=env, error="not logged in")


@test
def wrong_ones_are_not_kept_and_not_shown(nau, tmp):
    for kind in ("basic", "token"):
        with Registry(auth=kind) as r:
            result = nau.fails(125, "login", "--authfile", tmp / "auth.json", "-u", r.user, "-p", "wrong-secret", r.address,
                               error=f"logging in to {r.address}")
            assert "wrong-secret" not in result.err and not (tmp / "auth.json").exists()


@test
def the_usual_place_and_a_token_server(nau, tmp):
    with Registry(auth="token") as r:
        env = {"XDG_RUNTIME_DIR": str(tmp)}
        nau("login", "-u", r.user, "-p", r.password, r.address, env=env)
        assert json.loads((tmp / "containers/auth.json").read_text())["auths"] == {r.address: entry(r.user, r.password)}
        nau("pull", "-q", r.add("busybox"), env=env)


@test
def on_a_terminal_it_asks_and_does_not_show_the_password(nau, tmp):
    with Registry(auth="basic") as r:
        process = nau.start("login", "--authfile", tmp / "auth.json", r.address, tty=True)
        process.expect("Username: ")
        process.send(r.user + "\n")
        process.expect("Password: ")
        process.send("typo\x15" + r.password + "x\x7f\r")
        result = process.wait()
        assert "Login Succeeded!" in result.out and r.password not in result.out and "typo" not in result.out
        assert json.loads((tmp / "auth.json").read_text())["auths"] == {r.address: entry(r.user, r.password)}


@test
def ctrl_c_at_the_password_ends_it(nau, tmp):
    with Registry(auth="basic") as r:
        process = nau.start("login", "--authfile", tmp / "auth.json", "-u", r.user, r.address, tty=True)
        process.expect("Password: ")
        process.send("\x03")
        process.wait(status=130)
        assert not (tmp / "auth.json").exists()


@test
def what_is_missing_or_too_much_is_said(nau, tmp):
    auth = ("--authfile", tmp / "auth.json")
    nau.fails(125, "login", *auth, "127.0.0.1:1", error="--username")
    nau.fails(125, "login", *auth, "-u", "me", "127.0.0.1:1", error="--password-stdin")
    nau.fails(125, "login", *auth, "--password-stdin", "127.0.0.1:1", input="x", error="--username")
    nau.fails(125, "login", *auth, "-u", "me", "-p", "x", "--password-stdin", "127.0.0.1:1", error="exclude")
    nau.fails(125, "login", *auth, "-u", "me", "-p", "x", "127.0.0.1:1", error="refused")
    nau.fails(125, "login", *auth, "-u", "me", "-p", "x", "not a host", error="not a host")
    nau.fails(125, "logout", "--all", "127.0.0.1:1", error="--all")
    assert not (tmp / "auth.json").exists()


@test
def what_others_wrote_into_the_file_stays(nau, tmp):
    config = tmp / "config.json"
    config.write_text(json.dumps({"auths": {"quay.io": entry("a", "b"), "https://index.docker.io/v1/": entry("c", "d")},
                                  "HttpHeaders": {"X": "y"}}))
    with Registry(auth="basic") as r:
        nau("login", "--compat-auth-file", config, "-u", r.user, "-p", r.password, r.address)
        document = json.loads(config.read_text())
        assert document["HttpHeaders"] == {"X": "y"} and set(document["auths"]) == {"quay.io", "https://index.docker.io/v1/", r.address}
        nau("logout", "--compat-auth-file", config, "docker.io")
        assert set(json.loads(config.read_text())["auths"]) == {"quay.io", r.address}
        nau("logout", "--compat-auth-file", config, "--all")
        assert json.loads(config.read_text()) == {"auths": {}, "HttpHeaders": {"X": "y"}}
        config.write_text("{")
        nau.fails(125, "login", "--compat-auth-file", config, "-u", r.user, "-p", r.password, r.address, error="config.json")
        assert config.read_text() == "{"


@test
def a_part_of_a_registry_has_its_own(nau, tmp):
    with Registry(auth="basic") as r:
        file = tmp / "auth.json"
        nau("login", "--authfile", file, "-u", r.user, "-p", r.password, f"{r.address}/test")
        reference = r.add("busybox")
        nau("pull", "-q", "--authfile", file, reference)
        nau.fails(125, "push", "--authfile", file, reference, r.reference("other/place"), error="denied")


@test
def a_helper_keeps_them(nau, tmp):
    with Registry(auth="basic") as r:
        helper = tmp / "bin" / "docker-credential-tests"
        helper.parent.mkdir()
        store = tmp / "store"
        helper.write_text(f"""#!/bin/sh
case $1 in
store) cat > {store} ;;
get) read -r server; [ -e {store} ] && cat {store} || {{ echo credentials not found in native keychain; exit 1; }} ;;
erase) rm {store} ;;
list) [ -e {store} ] && echo '{{"{r.address}": "{r.user}"}}' || echo '{{}}' ;;
esac
""")
        helper.chmod(0o755)
        config = tmp / "auth.json"
        config.write_text(json.dumps({"credHelpers": {r.address: "tests"}}))
        env = {"REGISTRY_AUTH_FILE": str(config), "PATH": f"{helper.parent}:{os.environ['PATH']}"}
        result = nau("login", "-v", "-u", r.user, "-p", r.password, r.address, env=env)
        assert "docker-credential-tests" in result.out
        assert json.loads(store.read_text()) == {"ServerURL": r.address, "Username": r.user, "Secret": r.password}
        assert r.password not in config.read_text()
        assert nau("login", "--get-login", r.address, env=env).word == r.user
        nau("pull", "-q", r.add("busybox"), env=env)
        nau("logout", r.address, env=env)
        assert not store.exists()
        nau("login", "-u", r.user, "-p", r.password, r.address, env=env)
        nau("logout", "--all", env=env)
        assert not store.exists()


@test
def a_registry_that_asks_for_nothing_is_told_of(nau, tmp):
    with FakeRegistry() as fake:
        result = nau("login", "--authfile", tmp / "auth.json", "-u", "me", "-p", "x", fake.address)
        assert "asks for no credentials" in result.err


main()
