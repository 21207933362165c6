"""Other people's engines, with nau as their runtime: Podman, Docker, Containerd.

    enter_engine_world(tmp)          once per test, before all else: what the engines see of this machine
    with Docker(tmp, image) as docker:
        docker("run", "--rm", docker.image, "echo", "hello") -> Done
        docker.start("exec", "-it", ..., tty=True)           -> Terminal

An engine keeps everything below `tmp` and ends with the `with`. The runtime they call is a link named like the one
they know best, so that nothing in them treats it as a stranger.
"""

import ctypes
import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import termios
import time

from . import images
from .command import CommandFailed, descendants, leftovers, set_subreaper
from .harness import needs
from .host import CGROUP2_MAGIC, Host, fs_magic
from .runtime import Done, enter_own_mount_namespace

MS_NOSUID, MS_NODEV = 2, 4
MNT_DETACH = 2


def enter_engine_world(tmp):
    """A mount namespace of the test's own: /run is empty, what engines write to /etc, /opt and /var/lib is gone with the test,
    and of a hybrid tree of control groups only v1 is there, since the engines of the distribution refuse to work with both."""
    enter_own_mount_namespace()
    set_subreaper()  # what an engine leaves running is found below the test
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(kind, target, options):
        if libc.mount(kind, target, kind, MS_NOSUID | MS_NODEV, options) != 0:
            raise OSError(ctypes.get_errno(), f"mount on {target.decode()}")

    unified = b"/sys/fs/cgroup/unified"
    if fs_magic(unified) == CGROUP2_MAGIC and libc.umount2(unified, MNT_DETACH) != 0:
        raise OSError(ctypes.get_errno(), "umount /sys/fs/cgroup/unified")
    mount(b"tmpfs", b"/run", b"mode=755")
    for number, directory in enumerate((b"/etc", b"/opt", b"/var/lib")):
        upper, work = f"/run/test/{number}/upper", f"/run/test/{number}/work"
        os.makedirs(upper)
        os.makedirs(work)
        mount(b"overlay", directory, b"lowerdir=%s,upperdir=%s,workdir=%s" % (directory, upper.encode(), work.encode()))
    (tmp / "home").mkdir()
    os.environ.update(HOME=str(tmp / "home"), PODMAN_IGNORE_CGROUPSV1_WARNING="1")
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "XDG_RUNTIME_DIR", "NOTIFY_SOCKET"):
        os.environ.pop(name, None)


def docker_archive(tmp, name="busybox", reference="localhost/test:latest"):
    """A named image as what all of them can load."""
    path = tmp / f"{name}.tar"
    subprocess.run(["skopeo", "copy", "-q", "--insecure-policy", f"oci:{images.layout(name)}:latest",
                    f"docker-archive:{path}:{reference}"], check=True)
    return path


class Terminal:
    """A command on a pseudo-terminal of its own."""

    def __init__(self, argv, rows=24, columns=80):
        master, slave = pty.openpty()
        self.master, self.argv, self.output = master, argv, b""
        self.resize(rows, columns)
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, timeout=20):
        deadline = time.monotonic() + timeout
        while not (match := re.search(pattern.encode(), self.output, re.S)):
            if not self._read(deadline - time.monotonic()):
                raise CommandFailed(f"{self.argv}: no {pattern!r}: {self.output!r}")
        self.output = self.output[match.end():]
        return match

    def expect_shell(self, tty, rows, columns):
        """The shell at the other end has this terminal, and (engines tell it after the start) this size."""
        self.send("tty\n")
        self.expect(rf"{tty}\r*\n")
        self.send(f"until stty size | grep '{rows} {columns}'; do :; done\n")
        self.expect(rf"\n{rows} {columns}\r*\n")

    def wait(self, timeout=20):
        """Reads to the end; the status."""
        deadline = time.monotonic() + timeout
        while self._read(deadline - time.monotonic()):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def _read(self, timeout):
        if timeout <= 0 or not select.select([self.master], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: nobody has the other side open
            return False
        self.output += data
        return bool(data)


class Engine:
    """What the three have in common: a directory, a runtime by a familiar name, a group all containers are in."""

    ref = "localhost/test:latest"

    def __init__(self, tmp, runtime="runc"):
        self.dir = pathlib.Path(tmp)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.group = f"/nau-test-{type(self).__name__.lower()}-{os.getpid()}"
        self.runtime = self.dir / runtime
        self.runtime.symlink_to(os.environ["NAU"])
        self._daemons = []

    def argv(self, *words):
        raise NotImplementedError

    def __call__(self, *words, status=0, input=None, timeout=60):
        done = subprocess.run(self.argv(*words), input=input, stdin=subprocess.DEVNULL if input is None else None,
                              capture_output=True, text=True, timeout=timeout, errors="replace")
        result = Done(done.returncode, done.stdout, done.stderr)
        if status is not None and done.returncode != status:
            raise CommandFailed(f"{' '.join(map(str, words))}: expected status {status}\n{result}\n{self.log()}")
        return result

    def start(self, *words, **more):
        return Terminal(self.argv(*words), **more)

    def daemon(self, name, argv, is_ready):
        with open(self.dir / f"{name}.log", "wb") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._daemons.append((name, process))
        deadline = time.monotonic() + 60
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise CommandFailed(f"{name} does not start:\n{self.log()}")
            time.sleep(0.05)

    def log(self):
        return "".join(f"--- {n}.log\n" + (self.dir / f"{n}.log").read_text(errors="replace")[-3000:] for n, _ in self._daemons)

    def groups(self):
        """Directories of the containers' control groups that are there."""
        return [d for root in Host.cgroup_roots() for d, _, _ in os.walk(root + self.group)][::-1]

    def container_groups(self):
        """Without the group around them and conmon's, which podman makes and keeps."""
        return [g for g in self.groups() if not g.endswith((self.group, "/conmon"))]

    def close(self):
        for _, process in reversed(self._daemons):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        left = leftovers([], patience=10)
        left += self.container_groups()
        for group in self.groups():
            try:
                os.rmdir(group)
            except OSError:
                pass
        return left

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        left = self.close()
        assert kind is not None or left == [], left


class Podman(Engine):
    def __init__(self, tmp, archive, runtime="runc"):
        needs("program:podman", "program:conmon")
        super().__init__(tmp, runtime)
        (self.dir / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        # No more than this machine's own limits: it may not raise them.
        (self.dir / "containers.conf").write_text(
            "[containers]\n"
            'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
            "[engine]\n"
            'cgroup_manager = "cgroupfs"\n'
            'events_logger = "none"\n'
            f'runtime_supports_json = ["{runtime}"]\n')
        (self.dir / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\nrunroot = "{self.dir}/run"\ngraphroot = "{self.dir}/root"\n')
        os.environ.update(CONTAINERS_CONF=str(self.dir / "containers.conf"), CONTAINERS_STORAGE_CONF=str(self.dir / "storage.conf"))
        self("load", "--signature-policy", self.dir / "policy.json", "-i", archive)

    def argv(self, *words):
        return ["podman", "--root", str(self.dir / "root"), "--runroot", str(self.dir / "run"), "--tmpdir", str(self.dir / "tmp"),
                "--storage-driver", "vfs", "--runtime", str(self.runtime), *map(str, words)]

    def run(self, *words, **more):
        return self("run", "--network", "none", "--cgroup-parent", self.group, *words, **more)

    def close(self):
        self("rm", "--all", "--force", "--time", "0", status=None)
        return super().close()


class Docker(Engine):
    def __init__(self, tmp, archive, runtime="runc"):
        needs("program:dockerd", "program:docker", "program:containerd")
        super().__init__(tmp, runtime)
        (self.dir / "daemon.json").write_text("{}")
        self.socket = f"unix://{self.dir}/docker.sock"
        self.daemon("dockerd", [
            "dockerd", "--config-file", str(self.dir / "daemon.json"), "--host", self.socket, "--data-root", str(self.dir / "data"),
            "--exec-root", str(self.dir / "exec"), "--pidfile", str(self.dir / "pid"), "--bridge", "none", "--iptables=false",
            "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--userland-proxy=false", "--storage-driver", "vfs",
            "--cgroup-parent", self.group, "--add-runtime", f"nau={self.runtime}", "--default-runtime", "nau"],
            lambda: subprocess.run(self.argv("version"), capture_output=True).returncode == 0)
        self("load", "-i", archive)

    def argv(self, *words):
        return ["docker", "--config", str(self.dir / "client"), "--host", self.socket, *map(str, words)]

    def run(self, *words, **more):
        return self("run", "--network", "none", *words, **more)

    def close(self):
        if ids := self("ps", "-aq", status=None).lines:
            self("rm", "-f", *ids, status=None)
        return super().close()


class Containerd(Engine):
    def __init__(self, tmp, archive, runtime="runc"):
        needs("program:containerd", "program:ctr", "program:containerd-shim-runc-v2")
        super().__init__(tmp, runtime)
        self.socket = self.dir / "containerd.sock"
        (self.dir / "config.toml").write_text(
            f'version = 2\nroot = "{self.dir}/root"\nstate = "{self.dir}/state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\naddress = "{self.socket}"\n')
        self.daemon("containerd", ["containerd", "--config", str(self.dir / "config.toml")],
                    lambda: subprocess.run(self.argv("version"), capture_output=True).returncode == 0)
        self("image", "import", "--snapshotter", "native", archive)

    def argv(self, *words):
        return ["ctr", "--address", str(self.socket), *map(str, words)]

    def run(self, name, *words, options=(), **more):
        return self(*self.run_words(name, *words, options=options), **more)

    def run_words(self, name, *words, options=()):
        return ["run", "--runc-binary", self.runtime, "--snapshotter", "native", "--cgroup", f"{self.group}/{name}", *options,
                self.ref, name, *words]

    def close(self):
        for name in self("task", "list", "-q", status=None).lines:
            self("task", "rm", "--force", name, status=None)
        for name in self("container", "list", "-q", status=None).lines:
            self("container", "rm", name, status=None)
        return super().close()
