"""Images that want to be more than content: links, users, environments, volumes (SECURITY-CASES 3, 6, 13-15, 27-34, 40)."""

import hashlib
import os
import pathlib
import resource
import stat
import subprocess

from nautest import Layer, main, skip, test, write_image
from nautest.images import _busybox_layer

BAD_USERS = ("2147483648", "4294967295", "4294967296", "-1", "0x0", " 0", "+1")


def tree(directory):
    """What a look from outside sees: names, kinds, modes, owners, contents."""
    seen = {}
    for path in sorted(pathlib.Path(directory).rglob("*")):
        s = path.lstat()
        seen[str(path)] = (stat.S_IFMT(s.st_mode), s.st_mode, s.st_uid, s.st_gid, path.read_bytes() if path.is_file() else None)
    return seen


def image(nau, registry, tmp, name, layer=None, **config):
    write_image(tmp / name, [_busybox_layer(), *([layer] if layer else [])], config=config)
    reference = registry.push(tmp / name, f"hostile/{name}")
    nau("pull", "-q", reference)
    return reference


@test
def links_in_place_of_the_files_nau_brings_lead_nowhere_outside(nau, registry, tmp):
    outside = tmp / "outside"
    outside.mkdir()
    (outside / "secret").write_text("host\n")
    layer = Layer().directory("etc").directory("run")
    names = ("etc/resolv.conf", "etc/hosts", "etc/hostname", "etc/passwd", "etc/group", "etc/mtab", "run/.containerenv")
    for number, name in enumerate(names):
        layer.symlink(name, [f"{outside}/secret", "../" * 12 + f"{outside}/made{number}".lstrip("/")][number % 2])
    links = image(nau, registry, tmp, "links", layer, Cmd=["true"])
    before = tree(outside)
    script = "for f in /etc/resolv.conf /etc/hosts /etc/hostname; do echo changed > $f; done; echo done"
    for options in ([], ["--read-only"], ["--network", "none"], ["--add-host", "a:1.2.3.4", "--dns", "9.9.9.9"]):
        done = nau("run", "--rm", *options, links, "sh", "-c", script, status=None)
        assert "host" not in done.out and tree(outside) == before, done


@test
def a_working_directory_behind_links_is_made_inside(nau, registry, tmp):
    outside = tmp / "outside"
    outside.mkdir()
    before = tree(outside)
    layer = Layer().symlink("absolute", str(outside)).symlink("relative", "../" * 12 + str(outside).lstrip("/"))
    for name, directory in (("workabs", "/absolute/made"), ("workrel", "/relative/made/deep"), ("workup", "/../../absolute/x")):
        reference = image(nau, registry, tmp, name, layer, WorkingDir=directory, User="1000")
        done = nau("run", "--rm", reference, "pwd", status=None)
        assert tree(outside) == before, done
        done = nau("run", "--rm", "-w", directory, reference, "pwd", status=None)
        assert tree(outside) == before, done
    for number in (3, 5, 8, 20, 64):
        reference = image(nau, registry, tmp, f"workfd{number}", WorkingDir=f"/proc/self/fd/{number}")
        done = nau("run", "--rm", reference, "pwd", status=None)
        assert done.status in (125, 126, 127) and done.out == "", done
    container = nau("run", "-d", "--network", "none", nau.image(), "sleep", "1000").word
    for number in (3, 5, 8, 20, 64):
        done = nau("exec", "-w", f"/proc/self/fd/{number}", container, "pwd", status=None)
        assert done.status in (125, 126, 127) and done.out == "", done


@test
def a_volume_that_would_cover_proc_or_climb_out_is_refused_or_stays_inside(nau, registry, tmp):
    outside = tmp / "outside"
    outside.mkdir()
    (outside / "secret").write_text("host\n")
    before = tree(outside)
    climbing = "../" * 12 + str(outside).lstrip("/")
    layer = Layer().symlink("link", climbing).symlink("toproc", "/proc")
    for number, volume in enumerate(("/proc", "/proc/self", "/sys/../proc", "/toproc", "/proc/sys/kernel")):
        reference = image(nau, registry, tmp, f"volume{number}", layer, Volumes={volume: {}})
        done = nau("run", "--rm", reference, "stat", "-f", "-c", "%T", "/proc", status=None)
        assert done.status == 125 or done.out == "proc\n", (volume, done)
    for number, volume in enumerate((f"/{climbing}", "/link", "/link/deep", f"..{outside}")):
        reference = image(nau, registry, tmp, f"climb{number}", layer, Volumes={volume: {}})
        done = nau("run", "--rm", reference, "sh", "-c", f"cat {outside}/secret /link/secret", status=None)
        assert "host" not in done.out and tree(outside) == before, (volume, done)


@test
def users_of_an_image_follow_the_same_strict_grammar(nau, registry, tmp):
    passwd = "root:x:0:0::/root:/bin/sh\n4294967296:x:0:0::/:\n2147483648:x:0:0::/:\n1000:x:0:0::/:\n-1:x:0:0::/:\n+1:x:0:0::/:\n"
    layer = Layer().directory("etc").file("etc/passwd", passwd)
    for number, user in enumerate(BAD_USERS):
        reference = image(nau, registry, tmp, f"user{number}", layer, User=user)
        nau.fails(125, "run", "--rm", reference, "id", "-u")
    reference = image(nau, registry, tmp, "user1000", layer, User="1000")
    assert nau("run", "--rm", reference, "id", "-u").out == "1000\n"
    container = nau("run", "-d", "--network", "none", "--user", "0", reference, "sleep", "1000").word
    for user in BAD_USERS + ("", "nobody-here", "root:", "root:x:y", "1000:4294967296", "a b", "0:-1"):
        if user != "":
            done = nau("exec", "-u", user, container, "id", "-u", status=None)
            assert done.status not in (0, None) and done.out == "", (user, done)
    for user, ids in (("1000", "1000 0"), ("0", "0 0"), ("1000:7", "1000 7"), ("root", "0 0"), ("2147483647", "2147483647 0")):
        assert nau("exec", "-u", user, container, "sh", "-c", "echo $(id -u) $(id -g)").out == f"{ids}\n", user


@test
def user_files_that_are_no_files_or_giants_are_an_error_at_once(nau):
    container = nau("run", "-d", "--network", "none", nau.image(), "sleep", "1000").word
    replace = "rm -f /etc/passwd /etc/group; mkfifo /etc/pipe 2>/dev/null; "
    for script in ("ln -s pipe /etc/passwd", "ln -s /proc/kmsg /etc/passwd", "ln -s /dev/zero /etc/passwd", "mkfifo /etc/passwd",
                   "mkdir -p /etc/passwd", "ln -s passwd /etc/passwd", "truncate -s 8G /etc/passwd", "truncate -s 8G /etc/group"):
        nau("exec", container, "sh", "-c", replace + "rm -rf /etc/passwd; " + script)
        # Neither hangs nor finds somebody; only memory that the files ask for would show here.
        argv = nau.argv("exec", "-u", "app", container, "id", "-u")
        process = subprocess.Popen(argv, env=nau.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = process.communicate(timeout=20)
        assert process.returncode != 0 and out == "" and "Error: " in err, (script, out, err)
    if "ASAN_OPTIONS" not in os.environ:
        assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 64 * 1024


@test
def environment_without_a_value_brings_nothing_of_the_host(nau, registry, tmp):
    reference = image(nau, registry, tmp, "env", Env=["NAU_HOST_MARK", "*", "=x", "A", "NAU_HOST_*", "GOOD=1"], Cmd=["env"])
    done = nau("run", "--rm", reference, "sh", "-c", "env; tr '\\0' '\\n' </proc/self/environ", env={"NAU_HOST_MARK": "of the host", "A": "of the host"})
    assert "of the host" not in done.out and "GOOD=1" in done.lines, done
    container = nau("run", "-d", "--network", "none", reference, "sleep", "1000", env={"NAU_HOST_MARK": "of the host"}).word
    done = nau("exec", container, "env", env={"NAU_HOST_MARK": "of the host", "A": "of the host"})
    assert "of the host" not in done.out and "GOOD=1" in done.lines, done


@test
def a_newline_in_the_environment_adds_no_user(nau):
    image_name = nau.image()
    plain = nau("run", "--rm", image_name, "cat", "/etc/passwd").out
    for name in ("HOME", "USER", "A"):
        done = nau("run", "--rm", "-u", "1234", "-e", f"{name}=/x\nevil:x:0:0::/:/bin/sh", image_name, "cat", "/etc/passwd")
        assert done.out == plain + "1234:*:1234:0:container user:/:/bin/sh\n", done


@test
def group_rights_below_those_of_others_hold(nau):
    # CVE-2022-36109: a file that others may read and its group may not.
    script = "echo x > /tmp/f; chown 0:1001 /tmp/f; chmod 0604 /tmp/f"
    container = nau("run", "-d", "--network", "none", nau.image(), "sh", "-c", f"{script}; sleep 1000").word
    nau("exec", container, "sh", "-c", "until test -e /tmp/f -a $(stat -c %a /tmp/f) = 604; do :; done")
    assert nau("exec", "-u", "1000:1001", container, "id", "-G").out == "1001\n"
    assert nau("exec", "-u", "1000:1001", container, "cat", "/tmp/f", status=1).out == ""
    assert nau("exec", "-u", "1000:1002", container, "cat", "/tmp/f").out == "x\n"


@test(needs=["program:sha256sum"])
def the_binary_of_nau_stays_as_it_is_whoever_opens_it(nau):
    # CVE-2019-5736: what appears in /proc while sessions come and go is opened for writing.
    def mark():
        path = pathlib.Path(os.environ["NAU"])
        return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns
    before = mark()
    attack = "while :; do for p in /proc/[0-9]*; do test $p = /proc/$$ || echo evil 2>/dev/null >> $p/exe; done; done"
    container = nau("run", "-d", "--network", "none", "--cap-add", "sys_ptrace", nau.image(), "sh", "-c", attack + " 2>/dev/null").word
    for _ in range(10):
        nau("exec", container, "true", status=None)
        nau("exec", container, "/proc/self/exe", "version", status=None)
    nau("exec", container, "sh", "-c", "printf '#!/proc/self/exe\\n' > /tmp/s; chmod 755 /tmp/s; /tmp/s", status=None)
    assert mark() == before


@test
def what_belongs_to_nau_is_its_owners_alone(nau, tmp):
    if os.geteuid() != 0:
        skip("needs root")
    for mask in (0o000, 0o077):
        root, run = tmp / f"root{mask}", tmp / f"run{mask}"
        old = os.umask(mask)
        try:
            nau("--root", root, "--runroot", run, "volume", "create", "v")
            nau("--root", root, "--runroot", run, "pull", "-q", nau.image())
            container = nau("--root", root, "--runroot", run, "run", "-d", "--network", "none", nau.image(), "sleep", "1000").word
        finally:
            os.umask(old)
        try:
            for top in (root, run):
                assert top.stat().st_mode & 0o077 in (0, 0o011), (mask, oct(top.stat().st_mode))
                if top.stat().st_mode & 0o011:
                    for below in top.iterdir():
                        assert below.stat().st_mode & 0o066 == 0, (mask, below, oct(below.stat().st_mode))
            # CVE-2020-15257: no name that a container with the host's network could connect to.
            mine = {line.split()[-1] for line in open("/proc/net/unix") if str(tmp) in line}
            assert not any(name.startswith("@") for name in mine), mine
            for path in run.rglob("*"):
                if path.is_socket():
                    assert path.stat().st_mode & 0o077 == 0, (path, oct(path.stat().st_mode))
        finally:
            nau("--root", root, "--runroot", run, "rm", "-f", container)


@test
def control_groups_and_namespaces_are_not_to_be_had(nau):
    # CVE-2022-0492: neither a mount of a hierarchy nor a namespace in which one could be made.
    container = nau("run", "-d", "--network", "none", nau.image(), "sleep", "1000").word
    for script in ("mount -t cgroup -o rdma x /mnt", "mount -t cgroup2 x /mnt", "unshare -U true", "unshare -C true", "unshare -m true",
                   "mount -t tmpfs x /mnt", "mount --bind /tmp /mnt", "umount /proc/kcore", "mount -o remount,rw /proc/sys /proc/sys"):
        done = nau("exec", container, "sh", "-c", script, status=None)
        assert done.status != 0, (script, done)
    nau.fails(125, "run", "--rm", "--sysctl", "kernel.core_pattern=|/tmp/x", nau.image(), "true", error="core_pattern")
    for value in ("kernel.shm_rmid_forced=1+kernel.core_pattern=x", "kernel.shm_rmid_forced=1\nkernel.core_pattern=x"):
        before = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
        nau("run", "--rm", "--sysctl", value, nau.image(), "true", status=125)
        assert pathlib.Path("/proc/sys/kernel/core_pattern").read_text() == before


main()
