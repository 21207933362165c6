"""The binary under test."""

import ctypes
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

from . import host

PR_SET_CHILD_SUBREAPER = 36
_transcript = None


def set_transcript(path):
    """Commands of this test and their results are written there, to be shown when it fails."""
    global _transcript
    _transcript = path


def _record(text):
    if _transcript is not None:
        with open(_transcript, "a") as f:
            f.write(text if text.endswith("\n") else text + "\n")


def set_subreaper():
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def reap(wanted):
    """Reaps every child that has ended; the wait status of `wanted` when it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == wanted:
            found = status


def descendants(pid):
    """(pid, command line) of everything below a process."""
    parents, names = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as f:
                fields = f.read().rpartition(b")")[2].split()
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                names[int(entry)] = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != b"Z":
            parents.setdefault(int(fields[1]), []).append(int(entry))
    result, todo = [], [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            result.append((child, names.get(child, "?")))
            todo.append(child)
    return result


def leftovers(ignore, patience=2.0):
    """Processes below this one that do not go away by themselves."""
    deadline = time.monotonic() + patience
    while True:
        reap(None)
        found = [(p, n) for p, n in descendants(os.getpid()) if p not in ignore]
        if not found or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    for pid, _ in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    time.sleep(0.02 if found else 0)
    reap(None)
    return [f"process {p}: {n}" for p, n in found]


class Result:
    """What a finished command left: status (-n: died of signal n), out and err as text, seconds."""

    def __init__(self, argv, status, out, err, seconds):
        self.argv, self.status, self.seconds = argv, status, seconds
        self.out_bytes, self.err_bytes = out, err
        self.out, self.err = out.decode(errors="surrogateescape"), err.decode(errors="surrogateescape")

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def word(self):
        """The output as one word: an id, a digest."""
        return self.out.strip()

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        text = f"$ nau {' '.join(self.argv)}\n  status {self.status}, {self.seconds * 1e3:.0f} ms\n"
        for name, value in (("out", self.out), ("err", self.err)):
            for line in value.splitlines()[:15]:
                text += f"  {name}: {line[:400]}\n"
        return text.encode(errors="replace").decode()


class CommandFailed(AssertionError):
    pass


class Nau:
    """nau with its own graph root and run root. Call it: nau("pull", "-q", ref) -> Result.

    A status other than the expected one fails the test; `status=None` accepts all. Tests need not clean up:
    close() removes all containers, and then reports what is left all the same.
    """

    def __init__(self, base):
        self.binary = os.environ.get("NAU") or str(
            pathlib.Path(__file__).resolve().parents[3] / "build" / "src" / "nau")
        if not os.access(self.binary, os.X_OK):
            raise FileNotFoundError(f"no nau at '{self.binary}': set NAU")
        self.base = pathlib.Path(base)
        self.root = self.base / "root"
        self.runroot = pathlib.Path(tempfile.mkdtemp(prefix="nau-test-run-", dir=host.run_base()))
        self.home = self.base / "home"
        self.home.mkdir()
        self.env = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
        }
        for name in ("NAU_FAIL_POINT", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TMPDIR"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        # Only tests of networks have networks: the others must neither change the host's nor depend on it.
        conf = self.base / "nau.conf"
        conf.write_text("default_network = none\n")
        self.env["NAU_CONF"] = str(conf)
        self.prefix = []  # before the binary: into another network namespace (nethost.py)
        self.options = []  # more global options, before the command
        self._ids = self.base / "ids"  # of containers seen in any output, written by the test's process

    # ---- commands

    def argv(self, *args):
        return [*self.prefix, self.binary, "--root", str(self.root), "--runroot", str(self.runroot), *self.options,
                *(str(a) for a in args)]

    def __call__(self, *args, status=0, input=None, timeout=50, env=None, cwd=None):
        """Runs a command to its end. `input` is str or bytes; `env` is added to a small clean environment."""
        if isinstance(input, str):
            input = input.encode()
        started = time.monotonic()
        # Files, not pipes: a monitor that inherits a pipe by mistake would hold up the reader for ever, and
        # the leak check names it better.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(self.argv(*args), stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
                                       stdout=out, stderr=err, env={**self.env, **(env or {})}, cwd=cwd or self.base)
            try:
                process.communicate(input, timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                err.seek(0)
                raise CommandFailed(f"nau {' '.join(map(str, args))} did not end in {timeout} s: {err.read().decode(errors='replace')}") from None
            out.seek(0)
            err.seek(0)
            result = Result([str(a) for a in args], process.returncode, out.read(), err.read(), time.monotonic() - started)
        _record(str(result))
        with self._ids.open("a") as f:
            f.writelines(i + "\n" for i in re.findall(r"\b[0-9a-f]{64}\b", result.out))
        if status is not None and result.status != status:
            raise CommandFailed(f"expected status {status}\n{result}")
        return result

    def fails(self, status, *args, error=None, **options):
        """Runs a command that must fail with `status` and one `Error: ` line that matches the regular expression.

        Lines of progress may stand before it, a `Hint: ` line and the pointer to --help after it.
        """
        result = self(*args, status=status, **options)
        lines = result.err.splitlines()
        while len(lines) > 1 and lines[-1].startswith(("Hint: ", "See '")):
            lines.pop()
        assert lines and lines[-1].startswith("Error: "), f"no 'Error: ' line at the end of stderr\n{result}"
        assert sum(l.startswith(("Error: ", "Hint: ")) for l in lines) == 1, f"more than one error on stderr\n{result}"
        if error is not None:
            assert re.search(error, lines[-1]), f"'{lines[-1]}' does not match '{error}'"
        return result

    def json(self, *args, **options):
        """Output of a command with --format json, parsed."""
        return self(*args, "--format", "json", **options).json()

    def start(self, *args, tty=False, env=None, rows=24, columns=80):
        """Starts a command and leaves it running: see Process. With tty=True it gets a pseudo-terminal."""
        return Process(self, [str(a) for a in args], tty, {**self.env, **(env or {})}, rows, columns)

    # ---- conveniences

    def image(self, name="busybox", registry=None, **variant):
        """Pulls one of the suites' images (images.py) from the session registry; returns its reference."""
        from .registry import Registry
        reference = (registry or Registry.session()).add(name, **variant)
        prefix, self.prefix = self.prefix, []  # the registry is the machine's
        self("pull", "-q", reference)
        self.prefix = prefix
        return reference

    def probe(self, *options, image=None, args=()):
        """Runs the probe (tests/support/probe.c) in a container with these options of `run`; its report as a dict."""
        result = self("run", "--rm", *options, image or self.image("probe"), "/probe", *args)
        return json.loads(result.out)

    def inspect(self, name):
        """The object that `inspect` prints for one container or image."""
        document = self("inspect", name).json()
        return document[0] if isinstance(document, list) else document

    def pid(self, container):
        """Process id of a running container's init, as the host sees it."""
        return self.inspect(container)["State"]["Pid"]

    def rootfs(self, image, *command):
        """Starts a container that sleeps and returns the path by which the host sees its root directory."""
        container = self("run", "-d", "--network", "none", image, *(command or ("sleep", "1000"))).word
        return f"/proc/{self.pid(container)}/root"

    def containers(self):
        """Ids of all containers, running or not."""
        return self("ps", "-aq", "--no-trunc").lines

    def mounts(self):
        """The lines of mountinfo that belong to this store: other tests have theirs."""
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            return [line for line in f if str(self.root) in line or str(self.runroot) in line]

    # ---- the end

    def close(self):
        """Removes all containers, then returns a list of what is left: processes, mounts, cgroups, files."""
        left = []
        ids = set(self._ids.read_text().split()) if self._ids.exists() else set()
        try:
            if (self.root / "nau.db").exists():
                present = self._quiet("ps", "-aq", "--no-trunc")
                ids.update(present)
                if present:
                    self._quiet("rm", "-f", *present)
                remaining = self._quiet("ps", "-aq", "--no-trunc")
                left += [f"container {i} survives rm -f" for i in remaining]
        except (CommandFailed, OSError) as e:
            left.append(f"clean-up: {e}")
        left += leftovers([])
        left += self._mounts_left()
        left += cgroups_of(ids)
        left += self._files_left()
        return left

    def remove_state(self):
        """Removes the state directories, whatever has happened; called after close()."""
        for _, target in sorted(self._mount_points(), reverse=True):
            subprocess.run(["umount", "-l", target], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.runroot, ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)

    def _quiet(self, *args):
        done = subprocess.run(self.argv(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.env, timeout=60)
        if done.returncode != 0:
            raise CommandFailed(f"nau {' '.join(args)}: status {done.returncode}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode().split()

    def _mount_points(self):
        mine = (str(self.root), str(self.runroot), str(self.base))
        found = []
        with open("/proc/self/mountinfo") as f:
            for number, line in enumerate(f):
                target = line.split()[4]
                if target.startswith(mine):
                    found.append((number, target))
        return found

    def _mounts_left(self):
        return [f"mount on {target}" for _, target in self._mount_points()]

    def _files_left(self):
        """After all containers are gone the run root holds nothing of any of them, and no download is half done."""
        left = []
        for sub in ("containers", "netns"):
            directory = self.runroot / sub
            if directory.is_dir():
                left += [f"file {p}" for p in sorted(directory.iterdir())]
        for directory, _, names in os.walk(self.root / "containers"):
            left += [f"file {directory}/{n}" for n in names]
        return left


def cgroups_of(ids):
    """cgroup directories named after one of the containers; removed, as far as they can be, and reported."""
    left = []
    if not ids:
        return left
    for root in host.Host.cgroup_roots():
        for directory, names, _ in os.walk(root, topdown=False):
            if any(i in os.path.basename(directory) for i in ids):
                left.append(f"cgroup {directory}")
                try:
                    os.rmdir(directory)
                except OSError:
                    pass
    return left


class Process:
    """A command that runs on, with pipes or on a pseudo-terminal."""

    def __init__(self, nau, args, tty, env, rows, columns):
        self.args, self.tty = args, tty
        self.output = b""  # what was read from stdout (or the terminal) so far
        self._nau = nau
        if tty:
            self.master, slave = pty.openpty()
            self.resize(rows, columns)
            self.process = subprocess.Popen(nau.argv(*args), stdin=slave, stdout=slave, stderr=slave, env=env, cwd=nau.base,
                                            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
            os.close(slave)
            self._out = self.master
        else:
            self.process = subprocess.Popen(nau.argv(*args), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.PIPE, env=env, cwd=nau.base, bufsize=0)
            self._out = self.process.stdout.fileno()
        self.pid = self.process.pid

    def send(self, data):
        """Writes to stdin or types on the terminal."""
        data = data.encode() if isinstance(data, str) else data
        os.write(self.master if self.tty else self.process.stdin.fileno(), data)

    def close_stdin(self):
        if self.tty:
            self.send(b"\x04")
        else:
            self.process.stdin.close()

    def expect(self, pattern, timeout=10):
        """Reads until the output matches; returns the match. The output so far is used up to the match's end."""
        regex = re.compile(pattern.encode() if isinstance(pattern, str) else pattern, re.S)
        deadline = time.monotonic() + timeout
        while True:
            match = regex.search(self.output)
            if match:
                self.output = self.output[match.end():]
                return match
            if not self._read(deadline - time.monotonic()):
                raise CommandFailed(f"nau {' '.join(self.args)}: no {pattern!r} in {timeout} s or before the end: {self.output!r}")

    def _read(self, timeout):
        if timeout <= 0 or not select.select([self._out], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self._out, 65536)
        except OSError:  # EIO: the other side of the terminal is closed
            return False
        self.output += data
        return bool(data)

    def signal(self, number):
        self.process.send_signal(number)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, status=0, timeout=20):
        """Waits for the end, reading on; returns Result. `status=None` accepts all."""
        deadline = time.monotonic() + timeout
        while self._read(deadline - time.monotonic()):
            pass
        try:
            self.process.wait(max(0.01, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise CommandFailed(f"nau {' '.join(self.args)} did not end in {timeout} s; output {self.output!r}") from None
        err = b"" if self.tty else self.process.stderr.read()
        result = Result(self.args, self.process.returncode, self.output, err, 0.0)
        _record(str(result))
        if status is not None and result.status != status:
            raise CommandFailed(f"expected status {status}\n{result}")
        return result
