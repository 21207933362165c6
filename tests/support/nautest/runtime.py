"""Bundles for tests of src/runtime alone: a root of static busybox and the probe, a config.json, and the harness
that runs it without engine and monitor (tests/support/runtime_harness.cc)."""

import copy
import ctypes
import functools
import json
import os
import pathlib
import shutil
import subprocess
import time

from .harness import skip
from .host import Host

CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18

APPLETS = ("sh ls cat id ps true false sleep mount umount echo test stat touch mkdir ln kill head dd grep sed wc hostname ip nc "
           "pwd env printf readlink tty stty seq rm mknod chmod chown").split()


def harness():
    """The harness built beside the binary under test."""
    path = os.environ.get("NAU_RUNTIME_HARNESS") or str(
        pathlib.Path(os.environ["NAU"]).parents[1] / "tests" / "support" / "runtime-harness")
    if not os.access(path, os.X_OK):
        skip("needs the runtime-harness (meson compile runtime-harness)")
    return path


class Done:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err
        self.lines = out.splitlines()

    def __repr__(self):
        return f"status {self.status}\n{self.out}{self.err}"


class Bundle:
    """`config` is the spec as a dict: change it, then run()."""

    def __init__(self, directory):
        self.path = pathlib.Path(directory)
        self.root = self.path / "rootfs"
        self.cgroup = f"/nau-harness-{os.getpid()}"
        (self.root / "bin").mkdir(parents=True)
        for name in ("etc", "tmp", "root"):
            (self.root / name).mkdir()
        busybox = shutil.which("busybox") or skip("needs the program busybox (busybox-static)")
        shutil.copy(busybox, self.root / "bin" / "busybox")
        for applet in APPLETS:
            (self.root / "bin" / applet).symlink_to("busybox")
        probe = os.environ.get("NAU_PROBE") or str(pathlib.Path(harness()).parent / "probe")
        if os.path.exists(probe):
            shutil.copy(probe, self.root / "bin" / "probe")
        (self.root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        self.config = json.loads(subprocess.run([harness(), "spec", "/bin/true"], check=True, capture_output=True).stdout)
        self.config["linux"]["cgroupsPath"] = self.cgroup
        self.usual = copy.deepcopy(self.config)

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    def mount(self, destination, **members):
        self.config["mounts"].append({"destination": destination, **members})

    def bind(self, source, destination, *options):
        self.mount(destination, type="bind", source=str(source), options=["rbind", *options])

    def without_mount(self, destination):
        self.config["mounts"] = [m for m in self.config["mounts"] if m["destination"] != destination]

    def command(self, *words):
        """Arguments of the harness that run `words`."""
        if words:
            self.process["args"] = [str(w) for w in words]
        (self.path / "config.json").write_text(json.dumps(self.config))
        return [harness(), "run", str(self.path)]

    def run(self, *words, options=(), execute=(), stdin=None, timeout=30):
        arguments = self.command(*words) + list(options)
        if execute:
            arguments += ["--exec", *[str(w) for w in execute]]
        done = subprocess.run(arguments, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                              capture_output=True, timeout=timeout, text=True, errors="replace")
        return Done(done.returncode, done.stdout, done.stderr)

    def shell(self, script, **more):
        return self.run("/bin/sh", "-c", script, **more)

    def probe(self, **more):
        done = self.run("/bin/probe", **more)
        assert done.status == 0, done
        return json.loads(done.out)


class Racer:
    """A process that exchanges two names as fast as it can, while the `with` lasts: the attacker of all race tests."""

    def __init__(self, a, b):
        self._argv = [os.environ.get("NAU_PROBE") or str(pathlib.Path(harness()).parent / "probe"), "race", str(a), str(b)]

    def __enter__(self):
        self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._process.stdout.readline() == b"racing\n"

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class Runtime:
    """`nau runtime --root DIR` on one bundle; `options` stand before every verb."""

    def __init__(self, tmp, options=()):
        self.options = [str(o) for o in options]
        self.bundle = Bundle(tmp / "bundle")
        self.root = tmp / "state"
        self.id = f"t{os.getpid()}-{tmp.name}"
        self.bundle.linux["cgroupsPath"] = f"/nau-test-{self.id}"
        self.command("/bin/sleep", "1000")

    def command(self, *words):
        self.bundle.process["args"] = list(words)
        self.write()

    def write(self):
        (self.bundle.path / "config.json").write_text(json.dumps(self.bundle.config))

    def argv(self, *words):
        return [os.environ["NAU"], "runtime", "--root", str(self.root), *self.options, *map(str, words)]

    def __call__(self, *words, status=0, env=None, stdin=None, timeout=30):
        done = subprocess.run(self.argv(*words), capture_output=True, text=True, input=stdin,
                              stdin=None if stdin else subprocess.DEVNULL, timeout=timeout, env={**os.environ, **(env or {})})
        assert status is None or done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        return done

    def state(self):
        return json.loads(self("state", self.id).stdout)

    def create(self, *words, **more):
        # Pipes would be held by the container's process.
        with open(self.root.parent / "output", "w+") as out:
            done = subprocess.run(self.argv("create", "-b", self.bundle.path, *words, self.id), stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=out, timeout=60, env={**os.environ, **more})
            out.seek(0)
            return done.returncode, out.read()

    def wait_for(self, status):
        deadline = time.monotonic() + 10
        while self.state()["status"] != status:
            assert time.monotonic() < deadline, self.state()
            time.sleep(0.01)

    def is_clean(self):
        groups = [r for r in Host.cgroup_roots() if os.path.exists(f"{r}/nau-test-{self.id}")]
        left = os.listdir(self.root) if self.root.exists() else []
        return groups == [] and left == []


@functools.cache
def enter_own_mount_namespace():
    """What other tests mount at the same time must not look like a leak of this one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), "enter a mount namespace")


def host_mounts():
    """The mount table of this process, without the columns that count; from the first call on it is the test's own."""
    enter_own_mount_namespace()
    return [line.split()[2:6] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
