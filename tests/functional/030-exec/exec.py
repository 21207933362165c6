"""Further processes in a running container."""

import json

from nautest import main, test


def container(nau, *options, image="probe"):
    return nau("run", "-d", *options, nau.image(image), "sleep", "1000").word


@test
def it_runs_beside_the_first_and_returns_its_own_status(nau):
    c = container(nau)
    assert nau("exec", c, "echo", "hi").out == "hi\n"
    nau("exec", c, "sh", "-c", "exit 42", status=42)
    nau("exec", c, "sh", "-c", "kill -9 $$", status=137)
    assert nau("exec", c, "ps", "-o", "pid,comm").out.count("sleep") == 1


@test
def a_command_that_does_not_exist_is_127_one_that_cannot_run_126(nau):
    c = container(nau)
    nau.fails(127, "exec", c, "/no/such", error="/no/such")
    nau.fails(126, "exec", c, "/etc", error="/etc")


@test
def it_is_confined_as_the_container_is(nau):
    c = container(nau)
    first = json.loads(nau("exec", c, "/probe", "status", "namespaces", "fds", "cgroup", "dumpable").out)
    own = nau.probe(args=["status"])["status"]
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Seccomp", "NoNewPrivs"):
        assert first["status"][name] == own[name], name
    assert sorted(int(fd) for fd in first["fds"]) == [0, 1, 2]
    init = {kind: nau("exec", c, "readlink", f"/proc/1/ns/{kind}").word for kind in ("mnt", "pid", "net", "ipc", "uts", "cgroup")}
    for kind, value in init.items():
        assert first["namespaces"][kind] == value, kind


@test
def environment_user_and_directory(nau):
    c = container(nau, "-e", "A=1")
    report = json.loads(nau("exec", "-e", "B=2", "-u", "1000:1000", "-w", "/tmp", c, "/probe", "env", "ids", "cwd", "status").out)
    assert {"A=1", "B=2"} <= set(report["env"])
    assert report["cwd"] == "/tmp"
    assert report["status"]["Uid"].split() == ["1000"] * 4
    assert int(report["status"]["CapEff"], 16) == 0
    nau.fails(125, "exec", "-u", "nobodyhere", c, "true", error="nobodyhere")


@test
def input_terminal_and_resize(nau):
    c = container(nau)
    assert nau("exec", "-i", c, "cat", input="through").out == "through"
    process = nau.start("exec", "-it", c, "sh", tty=True, rows=20, columns=70)
    process.expect(r"# ")
    process.send("stty size\r")
    process.expect("20 70")
    process.send("exit 3\r")
    process.wait(status=3)


@test
def detached_it_runs_on(nau):
    c = container(nau)
    nau("exec", "-d", c, "sh", "-c", "echo done > /tmp/f; sleep 1000")
    nau("exec", c, "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do test -s /tmp/f && exit 0; sleep 0.1; done; exit 1")


@test
def privileged_has_all_capabilities(nau):
    c = container(nau)
    report = json.loads(nau("exec", "--privileged", c, "/probe", "status").out)
    assert bin(int(report["status"]["CapEff"], 16)).count("1") > 30


@test
def a_working_directory_behind_a_descriptor_is_refused(nau):
    c = container(nau)
    for n in (3, 5, 8):
        result = nau("exec", "-w", f"/proc/self/fd/{n}", c, "cat", "../../../etc/shadow", status=None)
        assert result.status in (125, 126, 127) and result.out == "", result


@test
def a_container_that_does_not_run_is_named(nau):
    c = nau("create", nau.image(), "true").word
    nau.fails(125, "exec", c, "true", error="not running")
    nau.fails(125, "exec", "nosuch", "true", error="nosuch")


main()
