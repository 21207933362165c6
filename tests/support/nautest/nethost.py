"""Hosts made of network namespaces: one that nau runs on, machines outside of it, cables between them.

    with Lan(nau) as lan:                  nau works on lan.host from now on; lan.outside is another machine
        lan.host.run("nft", "list", "ruleset")
        with lan.outside.entered():        sockets made here are the machine's
            server = socket.create_server(("", 80))

A machine is a process that holds the namespace; it goes with the test, and everything in it goes with it.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import sqlite3
import subprocess
import time

from .command import cgroups_of

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


class Machine:
    """One network namespace."""

    def __init__(self):
        read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                _check(_libc.unshare(CLONE_NEWNET), "unshare")
                os.write(write, b".")
                while True:
                    signal.pause()
            finally:
                os._exit(1)
        os.close(write)
        ready = os.read(read, 1)
        os.close(read)
        if not ready:
            raise OSError("a network namespace could not be made")
        self.run("ip", "link", "set", "lo", "up")

    @classmethod
    def of(cls, pid):
        """The namespace of a process that is there already, such as a container's."""
        machine = cls.__new__(cls)
        machine.pid = pid
        return machine

    @property
    def prefix(self):
        return ["nsenter", "-t", str(self.pid), "-n"]

    def run(self, *args, check=True, input=None, timeout=20):
        """The standard output of a command on this machine."""
        done = subprocess.run([*self.prefix, *map(str, args)], input=input, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, args))}: status {done.returncode}\n{done.stdout}")
        return done.stdout

    def start(self, *args, **options):
        return subprocess.Popen([*self.prefix, *map(str, args)], **options)

    @contextlib.contextmanager
    def entered(self):
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        try:
            _check(_libc.setns(there, CLONE_NEWNET), "setns")
            yield
        finally:
            _check(_libc.setns(own, CLONE_NEWNET), "setns")
            os.close(own)
            os.close(there)

    def links(self):
        """Names of its interfaces."""
        return [line.split(": ")[1].split("@")[0] for line in self.run("ip", "-o", "link").splitlines()]

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def cable(one, other, one_name="eth0", other_name="eth0"):
    one.run("ip", "link", "add", one_name, "type", "veth", "peer", "name", other_name, "netns", other.pid)
    for machine, name in ((one, one_name), (other, other_name)):
        machine.run("ip", "link", "set", name, "up")


class Lan:
    """`host` (192.0.2.1, 2001:db8::1), on which nau runs, and `outside` (…2), by which its default routes lead."""

    def __init__(self, nau, ipv6=True):
        self.nau = nau
        self.ipv6 = ipv6

    def __enter__(self):
        self.host, self.outside = Machine(), Machine()
        cable(self.host, self.outside)
        for number, machine in ((1, self.host), (2, self.outside)):
            machine.run("ip", "addr", "add", f"192.0.2.{number}/24", "dev", "eth0")
            if self.ipv6:
                machine.run("ip", "addr", "add", f"2001:db8::{number}/64", "dev", "eth0", "nodad")
        self.host.run("ip", "route", "add", "default", "via", "192.0.2.2")
        if self.ipv6:
            self.host.run("ip", "-6", "route", "add", "default", "via", "2001:db8::2")
        self.nau.prefix = self.host.prefix
        self.nau.env["NAU_CONF"] = str(self.nau.base / "bridge.conf")
        (self.nau.base / "bridge.conf").write_text("")
        return self

    def __exit__(self, *exception):
        for container in self.nau("ps", "-aq", "--no-trunc").lines:
            self.nau("rm", "-f", container, status=None)
        self.nau.prefix = []
        self.outside.close()
        self.host.close()

    def reboot(self):
        """Everything that runs dies at once, and what is not on a disk is gone."""
        containers = self.nau("ps", "-q", "--no-trunc").lines
        pids = []
        for container in containers:
            state = self.nau.inspect(container)["State"]
            pids += [state["ConmonPid"], state["Pid"]]  # whoever could notice first
        self.kill_keeper_and_guard()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(link.startswith("nv") for link in self.host.links()), what="the end of all containers")
        cgroups_of(set(containers))
        self.host.run("nft", "flush", "ruleset")
        for link in self.host.links():
            if link.startswith("nau"):
                self.host.run("ip", "link", "del", link)
        for entry in os.scandir(self.nau.runroot):
            shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)
        with contextlib.closing(sqlite3.connect(self.nau.root / "nau.db")) as db, db:
            db.execute("UPDATE meta SET value = 'another' WHERE name = 'boot_id'")

    def keeper(self):
        """Process id of nau's keeper; None when there is none."""
        return self._process("network-keeper")

    def guard(self):
        """That of the process that waits for the keeper's end."""
        return self._process("network-guard")

    def kill_keeper_and_guard(self):
        """So that nobody but a command brings it back."""
        os.kill(self.keeper(), signal.SIGSTOP)
        for pid in (self.guard(), self.keeper()):
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.keeper() is None and self.guard() is None, what="the end of the keeper")

    def _process(self, word):
        wanted = f"{word}\0{self.nau.runroot}/networks"
        for entry in os.listdir("/proc"):
            try:
                with open(f"/proc/{entry}/cmdline") as f:
                    if wanted in f.read():
                        return int(entry)
            except OSError:
                continue
        return None


def wait_until(condition, timeout=5.0, what="it"):
    """For what the kernel or the keeper does in its own time."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {timeout} s")
        time.sleep(0.01)
