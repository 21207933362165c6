"""nau unit: services for systemd, from containers and from Quadlet's files."""

import os
import pathlib
import shutil
import subprocess

from nautest import main, skip, test


def start_of(text, key):
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(key + "=")]


@test(needs=["root"])
def a_container_gets_a_service_that_starts_it(nau, tmp):
    nau("create", "--name", "web", "--stop-timeout", "7", nau.image("busybox"), "true")
    text = nau("unit", "print", "web").out
    program = f"{os.path.realpath(nau.binary)} --root {nau.root} --runroot {nau.runroot}"
    assert start_of(text, "ExecStart") == [f"{program} start --sdnotify conmon web"]
    assert start_of(text, "ExecStop") == [f"{program} stop --ignore web"]
    assert start_of(text, "Type") == ["notify"] and start_of(text, "KillMode") == ["mixed"]
    assert start_of(text, "Restart") == ["on-failure"] and start_of(text, "TimeoutStopSec") == ["67"]
    assert nau("unit", "install", "--directory", tmp / "u", "web").word == f"{tmp}/u/nau-web.service"
    assert (tmp / "u" / "nau-web.service").read_text() == text
    nau("unit", "install", "--directory", tmp / "u", "web")  # its own file is replaced
    (tmp / "u" / "nau-web.service").write_text("somebody's\n")
    nau.fails(125, "unit", "install", "--directory", tmp / "u", "web", error="was not written by nau")
    nau("unit", "install", "--directory", tmp / "u", "--force", "web")
    nau.fails(125, "unit", "print", "nobody", error="no container")


@test(needs=["root"])
def a_container_that_restarts_by_itself_is_not_restarted_by_systemd_too(nau):
    image = nau.image("busybox")
    nau("create", "--name", "a", "--restart", "always", image, "true")
    assert start_of(nau("unit", "print", "a").out, "Restart") == ["no"]
    assert start_of(nau("unit", "print", "--restart", "always", "a").out, "Restart") == ["always"]
    nau("create", "--name", "b", "--rm", image, "true")
    nau.fails(125, "unit", "print", "b", error="is removed when it ends")


def write_files(directory, image="docker.io/library/busybox:latest"):
    directory.mkdir()
    (directory / "web.container").write_text(
        f"[Unit]\nDescription=Web\n[Container]\nImage={image}\nVolume=data.volume:/d\n"
        "Exec=sh -c \"trap 'exit 3' TERM; sleep 1000 & wait\"\n[Install]\nWantedBy=multi-user.target\n")
    (directory / "data.volume").write_text("[Volume]\nLabel=a=b\n")


@test(needs=["root"])
def files_are_translated_with_those_beside_them(nau, tmp):
    write_files(tmp / "s")
    text = nau("unit", "print", tmp / "s" / "web.container").out
    assert " --volume systemd-data:/d " in start_of(text, "ExecStart")[0]
    assert "data-volume.service" in start_of(text, "Requires")
    drop_in = tmp / "s" / "web.container.d"
    drop_in.mkdir()
    (drop_in / "10.conf").write_text("[Container]\nLabel=from=drop-in\nNonsense=1\n")
    nau.fails(125, "unit", "print", tmp / "s" / "web.container", error=r"10.conf:3: 'Nonsense' is no key of \[Container\]")
    nau.fails(125, "unit", "print", "./a.kube", error="no .container, .volume or .network file")


@test(needs=["root"])
def the_generator_leaves_wrong_files_out_and_makes_links(nau, tmp):
    write_files(tmp / "s")
    (tmp / "s" / "wrong.container").write_text("[Container]\nImage=x\nPod=p.pod\n")
    (tmp / "s" / "README").write_text("no unit\n")
    (tmp / "u").mkdir()
    result = nau("unit", "generate", "--from", tmp / "s", tmp / "u", tmp / "u", tmp / "u", status=1)
    assert result.lines == ["data-volume.service", "web.service"]
    assert result.err == f"Error: {tmp}/s/wrong.container:3: Pod=p.pod: pods come later\n"
    assert sorted(p.name for p in (tmp / "u").iterdir()) == ["data-volume.service", "multi-user.target.wants", "web.service"]
    assert os.readlink(tmp / "u" / "multi-user.target.wants" / "web.service") == "../web.service"
    (tmp / "nau-generator").symlink_to(nau.binary)  # as systemd calls it
    (tmp / "g").mkdir()
    done = subprocess.run([tmp / "nau-generator", tmp / "g", tmp / "g", tmp / "g"], env={**nau.env, "NAU_UNIT_DIRS": str(tmp / "s")},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert (tmp / "g" / "web.service").exists(), done.stdout


@test(needs=["root", "program:systemd-analyze"])
def systemd_finds_nothing_wrong_with_them(nau, tmp):
    write_files(tmp / "s")
    nau("create", "--name", "box", nau.image("busybox"), "true")
    nau("unit", "install", "--directory", tmp / "u", "box", tmp / "s" / "web.container", tmp / "s" / "data.volume")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *(tmp / "u").iterdir()], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=50, check=False,
                          env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp}/u:"})
    ours = [line for line in done.stdout.splitlines() if "nau-box" in line or "web.service" in line or "data-volume" in line]
    assert ours == [], done.stdout


def systemctl(*words, check=True):
    done = subprocess.run(["systemctl", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200,
                          check=False)
    assert not check or done.returncode == 0, f"systemctl {' '.join(words)}: {done.stdout}"
    return done.stdout.strip()


@test(needs=["root"], timeout=150)
def systemd_runs_it_stops_it_and_knows_how_it_ended(nau, tmp):
    if not pathlib.Path("/run/systemd/system").is_dir() or not shutil.which("systemctl"):
        skip("needs systemd as the first process")
    units = pathlib.Path("/run/systemd/system")
    write_files(tmp / "s", nau.image("busybox"))
    for path in ("web.container", "data.volume"):
        nau("unit", "install", "--directory", units, "--force", tmp / "s" / path)
    nau("create", "--name", "box", nau.image("busybox"), "sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait")
    nau("unit", "install", "--directory", units, "--force", "--restart", "always", "box")
    systemctl("daemon-reload")
    systemctl("start", "web", "nau-box")
    for service, container in (("web", "systemd-web"), ("nau-box", "box")):
        state = nau.inspect(container)["State"]
        assert state["Running"] and systemctl("show", "-P", "MainPID", service) == str(state["ConmonPid"]), state
        assert systemctl("is-active", service) == "active"
    assert nau("volume", "ls", "-q").lines == ["systemd-data"]
    # A container that dies is a service that fails, or that is started again.
    os.kill(nau.inspect("systemd-web")["State"]["Pid"], 9)
    subprocess.run(["sh", "-c", "until [ $(systemctl is-active web) = failed ]; do sleep 0.1; done"], timeout=100, check=True)
    assert systemctl("show", "-P", "ExecMainStatus", "web") == "137"
    assert nau("ps", "-aq", "--filter", "name=systemd-web").lines == []
    before = nau.inspect("box")["State"]["Pid"]
    nau("kill", "box")
    subprocess.run(["sh", "-c", "until [ $(systemctl is-active nau-box) = active ] && "
                    f"[ $(systemctl show -P NRestarts nau-box) = 1 ]; do sleep 0.1; done"], timeout=100, check=True)
    assert nau.inspect("box")["State"]["Pid"] not in (0, before)
    systemctl("stop", "nau-box", "data-volume")
    assert nau.inspect("box")["State"]["ExitCode"] == 0
    assert systemctl("show", "-P", "Result", "nau-box") == "success"
    nau("volume", "rm", "systemd-data")


main()
