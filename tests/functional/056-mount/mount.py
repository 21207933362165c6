"""mount and unmount: root file systems of containers and images on the host, and what happens to them meanwhile."""

import json
import os
import subprocess

from nautest import main, test


def is_mounted(path):
    return os.path.ismount(path)


@test(needs=["root", "mount"])
def a_container_that_does_not_run_is_mounted_written_to_and_unmounted(nau):
    image = nau.image()
    c = nau("create", "--name", "c", image, "cat", "/hello").word
    path = nau("mount", "c").word
    assert path == str(nau.runroot / "mounts" / "containers" / c), path
    assert is_mounted(path) and os.path.exists(path + "/bin/busybox")
    with open(path + "/hello", "w") as f:
        f.write("from the host\n")
    assert nau("mount", "c").word == path, "mounting twice is mounting once"
    assert nau("mount").out.split() == [c[:12], path]
    assert nau("mount", "--no-trunc").out.split() == [c, path]
    assert nau.json("mount") == [{"id": c, "Names": ["c"], "mountpoint": path}]
    assert nau("mount", "--format", "{{.mountpoint}}").word == path
    assert nau("start", "-a", "c").out == "from the host\n", "a start takes the mount that is there"
    assert "A /hello" in nau("diff", "c").lines
    assert nau("cp", "c:/hello", "-").status == 0
    assert nau("unmount", "c").word == c
    assert not is_mounted(path) and not os.path.exists(path)
    assert nau("mount").out == "" and nau.json("mount") == []
    nau.fails(125, "unmount", "c", error="container c is not mounted")
    assert nau("umount", "-f", "c").word == c
    assert nau("umount", "-a").out == ""
    assert nau("start", "-a", "c").out == "from the host\n"


@test(needs=["root", "mount"])
def the_mount_of_a_running_container_shows_what_it_does(nau):
    image = nau.image()
    nau("run", "-d", "--name", "up", "--read-only", image, "sh", "-c", "exec sleep 1000")
    nau("run", "-d", "--name", "rw", image, "sleep", "1000")
    path = nau("container", "mount", "rw").word
    with open(path + "/from-host", "w") as f:
        f.write("h\n")
    assert nau("exec", "rw", "cat", "/from-host").out == "h\n"
    nau("exec", "rw", "sh", "-c", "echo c > /from-container")
    assert open(path + "/from-container").read() == "c\n"
    assert os.listdir(path + "/proc") == [], "only the root, not what is mounted in it"
    other = nau("mount", "up").word
    with open(other + "/written", "w") as f:
        f.write("w\n")
    assert nau("exec", "up", "cat", "/written").out == "w\n"
    assert nau("exec", "up", "touch", "/x", status=1).status == 1, "the container's own root stays read-only"
    nau("kill", "rw")
    nau("wait", "rw")
    assert open(path + "/from-container").read() == "c\n", "the mount outlives the run"
    nau("start", "rw")
    nau("exec", "rw", "sh", "-c", "echo again > /from-container")
    assert open(path + "/from-container").read() == "again\n", "and is the next run's"
    assert sorted(nau("mount", "--format", "{{.mountpoint}}").lines) == sorted([path, other])
    nau("rm", "-f", "-t0", "rw", "up")
    assert not os.path.exists(path) and not os.path.exists(other)


@test(needs=["root", "mount"])
def a_restart_by_the_monitor_uses_the_mount(nau, tmp):
    image = nau.image()
    c = nau("create", "--name", "r", "--restart", "on-failure:1", image, "sh", "-c",
            "echo run >> /runs; exit 1").word
    path = nau("mount", c).word
    nau("start", "r")
    nau("wait", "r")
    assert open(path + "/runs").read() == "run\nrun\n"


@test(needs=["root", "mount"])
def rm_unmounts_and_a_busy_mount_blocks_nothing(nau):
    image = nau.image()
    for name in ("a", "b", "c"):
        nau("create", "--name", name, image, "true")
    paths = [nau("mount", name).word for name in ("a", "b", "c")]
    with subprocess.Popen(["sleep", "1000"], cwd=paths[0]) as busy:
        nau("rm", "a")
        assert not os.path.exists(paths[0])
        nau("rm", "b", "c")
        assert not any(os.path.exists(p) for p in paths)
        busy.kill()
    assert nau("mount").out == ""


@test(needs=["root", "mount"])
def who_unmounts_by_hand_disturbs_nothing(nau):
    image = nau.image()
    nau("create", "--name", "c", image, "echo", "ok")
    path = nau("mount", "c").word
    subprocess.run(["umount", path], check=True)
    assert nau("mount").out == ""
    assert nau("start", "-a", "c").out == "ok\n"
    assert nau("mount", "c").word == path and is_mounted(path)
    nau("unmount", "--all")
    assert not is_mounted(path)


@test(needs=["root", "mount"])
def mounts_of_several_containers_and_of_names_that_do_not_exist(nau):
    image = nau.image()
    nau("create", "--name", "a", image, "true")
    nau("create", "--name", "b", image, "true")
    done = nau("mount", "a", "nosuch", "b", status=125)
    assert len(done.lines) == 2 and "nosuch" in done.err
    assert len(nau("mount", "-a").lines) == 2
    assert len(nau("unmount", "--latest").lines) == 1
    nau.fails(125, "unmount", error="needs at least one CONTAINER")
    nau.fails(125, "mount", "-a", "a", error="exclude each other")
    nau("unmount", "-a")


@test(needs=["root", "mount"])
def a_container_with_its_own_users_is_mounted_as_it_runs(nau):
    image = nau.image()
    nau("create", "--name", "u", "--userns=auto", image, "sh", "-c", "echo x > /mine; stat -c %u /mine")
    path = nau("mount", "u").word
    assert os.stat(path + "/bin").st_uid > 0, "ids are those outside"
    nau.fails(125, "cp", "u:/bin/sh", "/dev/null", error="mounted at.*user namespace")
    assert nau("start", "-a", "u").out == "0\n"
    assert os.stat(path + "/mine").st_uid == os.stat(path + "/bin").st_uid
    nau("unmount", "u")


@test(needs=["root", "mount"])
def an_image_is_mounted_read_only_and_survives_its_removal(nau):
    image = nau.image()
    config = nau("inspect", "--format", "{{.Id}}", image).word.removeprefix("sha256:")
    path = nau("image", "mount", image).word
    assert os.path.exists(path + "/bin/busybox")
    try:
        open(path + "/x", "w").close()
        raise AssertionError("an image is not written to")
    except OSError as error:
        assert error.errno == 30, error
    assert nau.json("image", "mount") == [{"id": config, "Names": [image], "mountpoint": path}] or \
        nau.json("image", "mount")[0]["mountpoint"] == path
    assert nau("image", "mount").out.split() == [config[:12], path]
    nau("rmi", image)
    nau("gc")
    nau("system", "prune", "-f")
    assert os.path.exists(path + "/bin/busybox"), "its layers stay as long as it is mounted"
    assert nau("image", "unmount", config[:12]).word == config
    assert not os.path.exists(path)
    nau.fails(125, "image", "unmount", config[:12], error="no image")
    assert nau.json("snapshot", "ls") == [] or nau("gc").status == 0
    assert json.loads(nau("lease", "ls", "--format", "json").out) == []


@test(needs=["root", "mount"])
def images_are_mounted_by_all_and_unmounted_by_all(nau):
    nau.image()
    nau("image", "mount", "-a")
    assert len(nau("image", "mount").lines) == 1
    nau.fails(125, "image", "mount", "nosuch:1", error="no image 'nosuch:1'")
    nau.fails(125, "image", "umount", error="needs at least one IMAGE")
    assert len(nau("image", "umount", "-a").lines) == 1
    assert nau("image", "mount").out == ""


main()
