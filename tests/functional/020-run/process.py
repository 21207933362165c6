"""What the process inside is given: arguments, environment, user, working directory, exit status."""

from nautest import Layer, main, test, write_image

CONTAINER_ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container": "nau", "HOME": "/root"}


def environment(report):
    return dict(entry.split("=", 1) for entry in report["env"])


@test
def it_gets_the_arguments_as_they_are(nau):
    assert nau("run", "--rm", nau.image(), "printf", "[%s]", "a b", "", "*", "-x").out == "[a b][][*][-x]"


@test
def its_status_is_the_commands(nau):
    image = nau.image()
    for status in (0, 1, 42, 255):
        nau("run", "--rm", image, "sh", "-c", f"exit {status}", status=status)


@test
def a_signal_is_128_plus_its_number(nau):
    image = nau.image()
    nau("run", "--rm", image, "sh", "-c", "sh -c 'kill -9 $$'; exit $?", status=137)


@test
def a_command_that_does_not_exist_is_127_one_that_cannot_run_126(nau):
    image = nau.image()
    nau.fails(127, "run", "--rm", image, "/no/such", error="/no/such")
    nau.fails(127, "run", "--rm", image, "nosuch", error="nosuch")
    nau.fails(126, "run", "--rm", image, "/etc/passwd", error="/etc/passwd")
    nau.fails(126, "run", "--rm", image, "/bin", error="/bin")
    assert nau.containers() == []


@test
def the_environment_is_the_images_then_the_users_and_nothing_of_the_host(nau):
    report = nau.probe("-e", "A=1", "-e", "B=x=y", "-e", "FROM_HOST", args=["env"])
    env = environment(report)
    host_name = env.pop("HOSTNAME")
    assert len(host_name) == 12, host_name
    assert env == {**CONTAINER_ENV, "A": "1", "B": "x=y"}, env
    result = nau("run", "--rm", "-e", "FROM_HOST", nau.image("probe"), "/probe", "env", env={"FROM_HOST": "yes"})
    assert environment(result.json())["FROM_HOST"] == "yes"


@test
def an_env_file_is_read_line_by_line(nau, tmp):
    (tmp / "env").write_text("# comment\nA=1\n\nB=two words\nHOSTVAR\n")
    env = environment(nau.probe("--env-file", tmp / "env", "-e", "A=2", args=["env"]))
    assert (env["A"], env["B"]) == ("2", "two words")
    assert "HOSTVAR" not in env


@test
def users_come_from_the_containers_own_files(nau, registry, tmp):
    passwd = "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n1234:x:0:0::/:/bin/sh\n"
    group = "root:x:0:\napp:x:1001:\nextra:x:2000:app\nwheel:x:10:root\n"
    write_image(tmp / "i", [Layer().directory("etc").file("etc/passwd", passwd).file("etc/group", group)],
                config={"User": "app"})
    registry.push(tmp / "i", "run/users")
    image = registry.reference("run/users")
    nau("pull", "-q", image)
    probe = _probe_mount()

    def ids(*options):
        result = nau("run", "--rm", *probe, *options, image, "/probe", "ids", "groups", "env").json()
        return result["ids"]["uid"], result["ids"]["gid"], sorted(result["groups"]), environment(result)["HOME"]

    assert _triple(ids()) == (1000, 1001, [1001, 2000], "/home/app")
    assert _triple(ids("-u", "0")) == (0, 0, [0, 10], "/root")
    assert _triple(ids("-u", "app:extra")) == (1000, 2000, [2000], "/home/app")
    assert _triple(ids("-u", "1234")) == (1234, 0, [0], "/"), "digits are a number, never a name"
    assert _triple(ids("-u", "7:8")) == (7, 8, [8], "/")
    assert _triple(ids("-u", "7", "--group-add", "extra", "--group-add", "99")) == (7, 0, [0, 99, 2000], "/")
    nau.fails(125, "run", "--rm", "-u", "nobodyhere", image, "/probe", error="nobodyhere")
    for bad in ("2147483648", "4294967295", "4294967296", "-1", "0x0", " 0", "+1"):
        nau.fails(125, "run", "--rm", "-u", bad, image, "/probe")


def _probe_mount():
    import os
    return ("-v", f"{os.environ['NAU_PROBE']}:/probe:ro")


def _triple(ids):
    uid, gid, groups, home = ids
    uid = uid[0] if isinstance(uid, list) else uid
    gid = gid[0] if isinstance(gid, list) else gid
    return uid, gid, groups, home


@test
def the_working_directory_is_made_when_it_is_missing(nau):
    image = nau.image()
    assert nau("run", "--rm", "-w", "/a/b/c", image, "pwd").out == "/a/b/c\n"
    assert nau("run", "--rm", "-w", "/proc", image, "pwd").out == "/proc\n"


@test
def a_working_directory_that_leads_to_a_descriptor_is_refused(nau):
    image = nau.image()
    for n in (3, 7, 8, 16):
        result = nau("run", "--rm", "-w", f"/proc/self/fd/{n}", image, "cat", "../../../etc/shadow", status=None)
        assert result.status in (125, 126, 127), result
        assert result.out == "", result


@test
def entrypoint_and_command_combine_as_dockers_do(nau, registry, tmp):
    from nautest.images import _busybox_layer
    write_image(tmp / "i", [_busybox_layer()], config={"Entrypoint": ["echo", "entry"], "Cmd": ["cmd"]})
    registry.push(tmp / "i", "run/entry")
    image = registry.reference("run/entry")
    assert nau("run", "--rm", image).out == "entry cmd\n"
    assert nau("run", "--rm", image, "mine").out == "entry mine\n"
    assert nau("run", "--rm", "--entrypoint", "echo", image).out == "\n"
    assert nau("run", "--rm", "--entrypoint", "echo", image, "x").out == "x\n"
    assert nau("run", "--rm", "--entrypoint", "", image, "echo", "y").out == "y\n"


@test
def only_the_standard_descriptors_are_open(nau):
    assert sorted(int(fd) for fd in nau.probe(args=["fds"])["fds"]) == [0, 1, 2]


@test
def init_reaps_and_forwards(nau):
    image = nau.image()
    assert nau("run", "--rm", "--init", image, "sh", "-c", "echo $$").out != "1\n"
    nau("run", "--rm", "--init", image, "sh", "-c", "exit 3", status=3)
    nau("run", "--rm", "--init", image, "sh", "-c", "kill -TERM $$", status=143)


main()
