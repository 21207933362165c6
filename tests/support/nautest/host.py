"""What this machine can do. A test that needs more than it finds here skips with the reason."""

import ctypes
import functools
import os
import shutil
import socket
import subprocess
import tempfile

OVERLAYFS_MAGIC = 0x794C7630
TMPFS_MAGIC = 0x01021994
CGROUP2_MAGIC = 0x63677270


def fs_magic(path):
    """f_type of statfs(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(256)
    if libc.statfs(os.fsencode(path), buffer) != 0:
        return 0
    return ctypes.c_long.from_buffer(buffer).value & 0xFFFFFFFF


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cache_dir():
    """Where things that take long to make are kept between runs, outside the build folder."""
    base = os.environ.get("NAU_TEST_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "nau", "test")
    os.makedirs(base, exist_ok=True)
    return base


def state_base():
    """A directory whose file system can hold the upper layer of an overlay: an overlay itself cannot."""
    for path in (os.environ.get("NAU_TEST_DIR"), "/var/tmp", "/tmp", "/dev/shm"):
        if path and os.access(path, os.W_OK) and fs_magic(path) != OVERLAYFS_MAGIC:
            return path
    return tempfile.gettempdir()


def run_base():
    """A tmpfs, as the run root of an installed nau is."""
    for path in ("/run", "/dev/shm"):
        if os.access(path, os.W_OK) and fs_magic(path) == TMPFS_MAGIC:
            return path
    return state_base()


class Host:
    @staticmethod
    def is_root():
        return os.geteuid() == 0

    @staticmethod
    def has_capability(number):
        with open("/proc/self/status") as f:
            for line in f:
                if line.startswith("CapEff:"):
                    return bool(int(line.split()[1], 16) >> number & 1)
        return False

    @staticmethod
    @functools.lru_cache(maxsize=None)
    def can_mount():
        """May this process make mount namespaces and mount an overlay in one?"""
        if not Host.is_root() or shutil.which("unshare") is None:
            return False
        with tempfile.TemporaryDirectory(dir=state_base()) as d:
            for name in ("l", "u", "w", "m"):
                os.mkdir(f"{d}/{name}")
            script = f"mount -t overlay o -o lowerdir={d}/l,upperdir={d}/u,workdir={d}/w {d}/m"
            return subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    @staticmethod
    def cgroup_mode():
        """'v2', 'hybrid', 'v1' or 'none'."""
        if fs_magic("/sys/fs/cgroup") == CGROUP2_MAGIC:
            return "v2"
        if os.path.isdir("/sys/fs/cgroup/unified"):
            return "hybrid"
        return "v1" if os.path.isdir("/sys/fs/cgroup/memory") else "none"

    @staticmethod
    def cgroup_roots():
        """The mounted hierarchies."""
        roots = []
        with open("/proc/self/mountinfo") as f:
            for line in f:
                fields, _, rest = line.partition(" - ")
                if rest.split()[0] in ("cgroup", "cgroup2"):
                    roots.append(fields.split()[4])
        return roots

    @staticmethod
    def cgroup_controller(name):
        """Directory of the hierarchy that has the controller, None when there is none that can be written."""
        if Host.cgroup_mode() == "v2":
            with open("/sys/fs/cgroup/cgroup.controllers") as f:
                return "/sys/fs/cgroup" if name in f.read().split() else None
        path = f"/sys/fs/cgroup/{name}"
        return path if os.path.isdir(path) and os.access(path, os.W_OK) else None

    @staticmethod
    def has(*programs):
        return all(shutil.which(p, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") for p in programs)
