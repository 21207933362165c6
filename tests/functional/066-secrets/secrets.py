"""secret create, ls, inspect, rm, exists, and --secret: containers get it, and nothing else shows it."""

import os
import subprocess

from nautest import main, test

WORD = "hunter2-very-secret"


def create(nau, name, text=WORD, *options):
    return nau("secret", "create", *options, name, "-", input=text).word


@test
def from_created_to_removed(nau, tmp):
    first = create(nau, "first")
    assert len(first) == 25
    (tmp / "f").write_text("two")
    nau("secret", "create", "--label", "a=b", "second", str(tmp / "f"))
    nau("secret", "create", "--env", "third", "SOURCE", env={**os.environ, "SOURCE": "three"})
    assert nau("secret", "ls").lines[0].split() == ["ID", "NAME", "DRIVER", "CREATED", "UPDATED"]
    assert nau("secret", "ls", "--format", "{{.Name}}").lines == ["first", "second", "third"]
    info = nau("secret", "inspect", "first").json()[0]
    assert info["ID"] == first and info["Spec"]["Name"] == "first" and "SecretData" not in info
    assert nau("secret", "inspect", "--showsecret", first[:6]).json()[0]["SecretData"] == WORD
    nau.fails(125, "secret", "create", "first", str(tmp / "f"), error="exists")
    assert create(nau, "first", "other", "--ignore") == first
    create(nau, "first", "other", "--replace")
    assert nau("secret", "inspect", "--showsecret", "first").json()[0]["SecretData"] == "other"
    nau.fails(125, "secret", "create", "a/b", str(tmp / "f"), error="a/b")
    nau.fails(125, "secret", "create", "empty", "-", input="", error="bytes")
    nau("secret", "exists", "first")
    nau("secret", "rm", "first", "second")
    nau("secret", "exists", "first", status=1)
    nau.fails(1, "secret", "rm", "first", error="first")
    nau("secret", "rm", "--all")
    assert nau("secret", "ls", "-q").lines == []


@test
def a_container_gets_it_as_a_file_or_a_variable(nau):
    image = nau.image()
    create(nau, "s")
    assert nau("run", "--rm", "--secret", "s", image, "sh", "-c", "cat /run/secrets/s; stat -c ' %a %u' /run/secrets/s").out \
        == WORD + " 444 0\n"
    assert nau("run", "--rm", "--secret", "source=s,target=/etc/pw,uid=5,gid=6,mode=0400", image,
               "sh", "-c", "stat -c '%a %u:%g' /etc/pw").out == "400 5:6\n"
    assert nau("run", "--rm", "--secret", "s,type=env,target=PW", image, "sh", "-c", "echo $PW").out == WORD + "\n"
    nau("run", "-d", "--name", "c", "--secret", "s,type=env", image, "sleep", "1000")
    assert nau("exec", "c", "sh", "-c", "echo $s").out == WORD + "\n"
    nau.fails(125, "run", "--rm", "--secret", "nosuch", image, "true", error="nosuch")
    nau.fails(125, "run", "--rm", "--secret", "s,colour=red", image, "true", error="colour")


@test
def nothing_shows_it(nau):
    image = nau.image()
    create(nau, "s")
    nau("create", "--name", "c", "--secret", "s", "--secret", "s,type=env,target=PW", image, "true")
    nau("start", "-a", "c")
    assert WORD not in nau("inspect", "c").out and WORD not in nau("ps", "-a", "--format", "json").out
    found = subprocess.run(["grep", "-rl", WORD, str(nau.root), str(nau.runroot)], capture_output=True, text=True).stdout
    assert found == "", found
    (file,) = (nau.root / "secrets" / "default").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    nau("secret", "rm", "s")
    nau.fails(125, "start", "c", error="no secret.*s")


main()
