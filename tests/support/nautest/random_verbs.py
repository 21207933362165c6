"""Random verbs and random SIGKILLs against a model of what must be true.

    machine = RandomVerbs(nau, seed=1)
    machine.run(steps=200)      # a step: a verb, two at once, or a SIGKILL of a container, a monitor or a command line
    machine.finish()            # removes all; the harness then looks for what is left

The model knows of each container what its state can be and which exit codes are right. After a verb that was not
disturbed there is one answer; after a SIGKILL of the command line there are several, and what is found is believed if
it is one of them and the kernel agrees. A run is repeated with its seed as far as the machine's timing allows.
"""

import json
import os
import random
import re
import signal
import subprocess
import tempfile
import time

from .command import descendants

# Ends with 42 on SIGTERM; no polling, so that hundreds of steps cost little.
SERVICE = "trap 'exit 42' TERM; sleep 100000 & wait"
STABLE = ("created", "running", "paused", "exited")
PATIENCE = 30 * float(os.environ.get("NAU_TEST_SLOWNESS", "1"))


class Wrong(AssertionError):
    """Something is not as the model says."""


class Container:
    def __init__(self, name):
        self.name = name
        self.id = None
        self.state = "absent"  # absent, one of STABLE, or restarting
        self.codes = {0}  # allowed once it has exited; None: nobody knows
        self.restarts = False
        self.goes = False  # --rm
        self.monitor_lost = False
        self.pid = None
        self.network = False


def start_time(pid):
    """Field 22 of stat; None when the process is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


class RandomVerbs:
    def __init__(self, nau, seed, containers=5, network=None, log=None, image=None):
        self.nau = nau
        self.random = random.Random(seed)
        self.image = image or nau.image("busybox")
        self.containers = [Container(f"box{i}") for i in range(containers)]
        self.network = network
        self.log = log or (lambda line: None)
        self.counts = {}
        self.steps = 0
        self.renames = 0
        self.harness = os.getppid()

    # ---- running

    def run(self, steps=None, seconds=None):
        end = None if seconds is None else time.monotonic() + seconds
        while (steps is None or self.steps < steps) and (end is None or time.monotonic() < end):
            self.step()
            self.steps += 1
            if self.steps % 50 == 0:
                self.check_all()
        self.check_all()

    def step(self):
        container = self.random.choice(self.containers)
        kind = self.random.choices(
            [self.one_verb, self.kill_command_line, self.two_at_once, self.kill_init, self.kill_monitor],
            weights=[60, 14, 8, 9, 5])[0]
        self.counts[kind.__name__] = self.counts.get(kind.__name__, 0) + 1
        try:
            kind(container)
        except Wrong as wrong:
            raise Wrong(f"step {self.steps}, {kind.__name__} on {container.name}: {wrong}") from None

    def finish(self):
        for container in self.containers:
            self.nau("rm", "-f", container.name)
        assert self.nau("ps", "-aq").lines == []

    # ---- looking

    def call(self, *args, **options):
        result = self.nau(*args, status=None, **options)
        self.log(f"{self.steps}: {' '.join(map(str, args))} -> {result.status} {result.err.strip()[-150:]}")
        self.look_for_crash(args, result.status, result.err)
        return result

    @staticmethod
    def look_for_crash(args, status, err):
        if status < 0 or status in (134, 139) or re.search(r"internal|assert|Sanitizer|runtime error|corrupt", err):
            raise Wrong(f"nau {' '.join(map(str, args))}: status {status}: {err}")

    def observe(self, container):
        """What inspect says; None when there is no such container."""
        result = self.call("container", "inspect", container.name)
        if result.status != 0:
            if "no container" not in result.err and "is gone" not in result.err:
                raise Wrong(f"inspect: {result.err}")
            return None
        return json.loads(result.out)[0]

    def believe(self, container, found, states):
        """The state found is one of `states`, and the kernel agrees."""
        state = found["State"]["Status"] if found else "absent"
        if state not in states:
            raise Wrong(f"it is {state}, not {' or '.join(states)}: {found and found['State']}")
        container.state = state
        if not found:
            container.id = container.pid = None
            return
        container.id = found["Id"]
        pid = found["State"]["Pid"]
        if state in ("running", "paused"):
            if start_time(pid) is None:
                raise Wrong(f"it is said to be {state} and process {pid} is gone")
            container.pid = (pid, start_time(pid))
            return
        if pid:
            raise Wrong(f"it is {state} and has process {pid}")
        if container.pid and state == "exited" and start_time(container.pid[0]) == container.pid[1]:
            raise Wrong(f"it is said to be exited and process {container.pid[0]} lives")
        container.pid = None
        if state == "exited" and found["State"]["ExitCode"] not in container.codes:
            raise Wrong(f"exit code {found['State']['ExitCode']}, not one of {container.codes}: {found['State']}")

    def expect(self, container, *states, codes=None):
        if codes is not None:
            # Without its monitor the kernel may have been the only one who knew, and not be asked in time.
            container.codes = set(codes) | ({None} if container.monitor_lost else set())
        self.believe(container, self.observe(container), states)
        if container.state in ("created", "absent", "exited"):
            container.monitor_lost = False

    def settle(self, container):
        """After a disturbance: waits until nothing moves any more, and believes what is there."""
        container.codes = {None, *range(0, 256)}
        deadline = time.monotonic() + PATIENCE
        last = None
        while True:
            found = self.observe(container)
            shape = (found["State"]["Status"], found["State"]["Pid"]) if found else None
            quiet = not self.monitors_in_transition()
            if shape == last and quiet and (not found or found["State"]["Status"] in STABLE):
                break
            if time.monotonic() > deadline:
                if found and found["State"]["Status"] == "restarting" and container.restarts:
                    break
                raise Wrong(f"it does not settle: {found and found['State']}, {self.monitors_in_transition()}")
            last = shape
            time.sleep(0.01)
        self.believe(container, found, (*STABLE, "absent", "restarting"))
        container.monitor_lost = container.monitor_lost and container.state in ("running", "paused")
        if found:
            container.restarts = found["HostConfig"]["RestartPolicy"]["Name"] == "always"
            container.goes = found["HostConfig"]["AutoRemove"]

    def monitors_in_transition(self):
        """Monitors without a container, and clean-ups: something is about to change."""
        parents, names = {}, {}
        for pid, command in descendants(self.harness):
            names[pid] = command
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                    parents.setdefault(int(f.read().rpartition(")")[2].split()[1]), []).append(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
        waiting = {c.id for c in self.containers if c.state == "restarting"}
        moving = [p for p, n in names.items() if n.startswith("nau monitor") and p not in parents]
        moving += [p for p, n in names.items() if " cleanup " in n]
        return [] if waiting else moving

    def check_all(self):
        """ps agrees with the model, and the processes with ps."""
        for container in self.containers:
            if container.state == "restarting" or container.restarts:
                self.settle(container)
        rows = {row["Names"][0]: row["State"] for row in self.nau.json("ps", "-a")}
        for container in self.containers:
            there = rows.pop(container.name, "absent")
            if there != container.state and not container.restarts:
                raise Wrong(f"step {self.steps}: ps says that {container.name} is {there}, not {container.state}")
        if rows:
            raise Wrong(f"step {self.steps}: ps shows {rows}, which nobody made")
        self.check_processes()

    def check_processes(self):
        """One monitor for each container that runs, and nothing that does not belong to one."""
        wanted = sum(c.state in ("running", "paused", "restarting") and not c.monitor_lost for c in self.containers)
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [p for p, n in descendants(self.harness) if n.startswith("nau monitor")]
            if len(found) == wanted or any(c.restarts for c in self.containers):
                return
            if time.monotonic() > deadline:
                raise Wrong(f"step {self.steps}: {len(found)} monitors, not {wanted}")
            time.sleep(0.02)

    # ---- undisturbed verbs

    def one_verb(self, container):
        verbs = [self.create, self.run_detached, self.run_to_its_end, self.start, self.start, self.stop, self.stop_at_once,
                 self.restart, self.kill, self.kill_softly, self.pause, self.unpause, self.remove, self.remove_by_force,
                 self.execute, self.execute, self.rename, self.update, self.commit, self.copy, self.logs, self.wait,
                 self.cleanup]
        if container.state == "restarting":
            verbs = [self.stop, self.remove_by_force]
        self.random.choice(verbs)(container)

    def is_alive(self, container):
        return container.state in ("running", "paused")

    def fails(self, container, *args, status=125):
        result = self.call(*args)
        if result.status != status or not result.err.startswith("Error: "):
            raise Wrong(f"{args[0]}: status {result.status}, not {status}: {result.err}")

    def works(self, *args, status=0):
        result = self.call(*args)
        if result.status != status:
            raise Wrong(f"{args[0]}: status {result.status}, not {status}: {result.err}")
        return result

    def create_words(self, container, verb):
        words = [verb, "--name", container.name]
        container.restarts = self.random.random() < 0.15
        container.goes = verb == "run" and not container.restarts and self.random.random() < 0.3
        container.network = bool(self.network) and self.random.random() < 0.4
        if container.restarts:
            words += ["--restart", "always"]
        if container.goes:
            words += ["--rm"]
        if container.network:
            words += ["--network", self.network]
        return words

    def create(self, container):
        if container.state != "absent":
            return self.fails(container, "create", "--name", container.name, self.image, "true")
        self.works(*self.create_words(container, "create"), self.image, "sh", "-c", SERVICE)
        self.expect(container, "created")

    def run_detached(self, container):
        if container.state != "absent":
            return self.fails(container, "run", "-d", "--name", container.name, self.image, "true")
        self.works(*self.create_words(container, "run"), "-d", self.image, "sh", "-c", SERVICE)
        self.expect(container, "running")

    def run_to_its_end(self, container):
        if container.state != "absent":
            return None
        code = self.random.randrange(100)
        words = ["run", "--name", container.name, *(["--rm"] if code % 2 else []), self.image, "sh", "-c", f"echo x; exit {code}"]
        result = self.works(*words, status=code)
        if result.out != "x\n":
            raise Wrong(f"run wrote {result.out!r}")
        container.restarts = container.goes = container.network = False
        self.expect(container, "absent" if code % 2 else "exited", codes={code})

    def start(self, container):
        if container.state == "absent":
            return self.fails(container, "start", container.name)
        before = container.state
        self.works("start", container.name)
        if not self.is_alive(container) and self.one_shot(container):
            return self.settle(container)
        self.expect(container, before if self.is_alive(container) else "running")

    def one_shot(self, container):
        """It ends by itself, so that it may have when one looks."""
        return "exit 42" not in " ".join((self.observe(container) or {}).get("Config", {}).get("Cmd", []))

    def ended(self, container, codes):
        """Whether it goes (--rm) or stays."""
        if not container.goes:
            return self.expect(container, "exited", codes=codes)
        return self.until(container, "absent", codes=codes)

    def until(self, container, *states, codes):
        container.codes = set(codes) | ({None} if container.monitor_lost else set())
        deadline = time.monotonic() + PATIENCE
        while True:
            found = self.observe(container)
            if (found["State"]["Status"] if found else "absent") in states:
                self.believe(container, found, states)
                if container.state in ("absent", "exited"):
                    container.monitor_lost = False
                return
            if time.monotonic() > deadline:
                raise Wrong(f"it does not become {' or '.join(states)}: {found and found['State']}")
            time.sleep(0.005)

    def stop(self, container):
        if container.state == "absent":
            return self.fails(container, "stop", container.name)
        was_alive, was_restarting = self.is_alive(container), container.state == "restarting"
        before = container.state
        self.works("stop", "-t", "20", container.name)
        if was_alive or was_restarting:
            return self.ended(container, set(range(256)) if was_restarting or container.restarts else {42})
        self.expect(container, before)

    def stop_at_once(self, container):
        if container.state == "absent":
            return
        was_alive, before = self.is_alive(container), container.state
        self.works("stop", "-t", "0", container.name)
        if was_alive:
            return self.ended(container, {137})
        self.expect(container, before)

    def restart(self, container):
        if container.state == "absent" or self.one_shot(container):
            return
        if container.goes and self.is_alive(container):
            return  # a container of --rm is gone when it has been stopped
        self.works("restart", "-t", "20", container.name)
        container.monitor_lost = False
        self.expect(container, "running")

    def kill(self, container):
        if not self.is_alive(container):
            return self.fails(container, "kill", container.name)
        self.works("kill", container.name)
        self.gone_after(container, {137})

    def gone_after(self, container, codes):
        """A container of --rm whose monitor was killed stays until the next verb that looks at it."""
        if container.goes and container.monitor_lost:
            self.until(container, "exited", "absent", codes=codes)
            self.call("container", "cleanup", container.name)
            return self.expect(container, "absent")
        return self.until(container, "absent" if container.goes else "exited", codes=codes)

    def kill_softly(self, container):
        if container.state != "running":
            return
        self.works("kill", "-s", "TERM", container.name)
        self.gone_after(container, {42})

    def pause(self, container):
        if container.state != "running":
            return self.fails(container, "pause", container.name)
        self.works("pause", container.name)
        self.expect(container, "paused")

    def unpause(self, container):
        if container.state != "paused":
            return self.fails(container, "unpause", container.name)
        self.works("unpause", container.name)
        self.expect(container, "running")

    def remove(self, container):
        if container.state == "absent":
            return self.fails(container, "rm", container.name, status=1)
        if self.is_alive(container):
            return self.fails(container, "rm", container.name, status=2)
        self.works("rm", container.name)
        self.expect(container, "absent")

    def remove_by_force(self, container):
        self.works("rm", "-f", container.name)
        container.monitor_lost = False
        self.expect(container, "absent")

    def execute(self, container):
        if container.state != "running":
            result = self.call("exec", container.name, "true")
            if result.status == 0 or "Error: " not in result.err:
                raise Wrong(f"exec: status {result.status}: {result.err}")
            return
        code = self.random.randrange(100)
        result = self.works("exec", container.name, "sh", "-c", f"echo y; exit {code}", status=code)
        if result.out != "y\n":
            raise Wrong(f"exec wrote {result.out!r}")

    def rename(self, container):
        self.renames += 1
        name = f"{container.name.partition('-')[0]}-{self.renames}"
        if container.state == "absent":
            return self.fails(container, "rename", container.name, name)
        self.works("rename", container.name, name)
        container.name = name
        self.expect(container, container.state)

    def update(self, container):
        if container.state == "absent":
            return self.fails(container, "update", "--memory", "64m", container.name)
        self.works("update", "--memory", self.random.choice(["64m", "96m"]), "--memory-swap", "-1", container.name)
        self.expect(container, container.state)

    def commit(self, container):
        if container.state == "absent":
            return
        image = self.works("commit", "-q", container.name).word
        self.works("rmi", image)
        self.expect(container, container.state)

    def copy(self, container):
        if container.state == "absent":
            return
        text = f"{self.steps}\n"
        with tempfile.TemporaryDirectory(dir=self.nau.base) as directory:
            path = os.path.join(directory, "f")
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
            self.works("cp", path, f"{container.name}:/f")
            self.works("cp", f"{container.name}:/f", path + "2")
            with open(path + "2", encoding="ascii") as f:
                if f.read() != text:
                    raise Wrong("cp brought back something else")

    def logs(self, container):
        if container.state != "absent":
            self.works("logs", container.name)

    def wait(self, container):
        if container.state != "exited":
            return
        word = self.works("wait", container.name).word
        if (int(word) if re.fullmatch(r"\d+", word) else None) not in container.codes:
            raise Wrong(f"wait says {word}, not one of {container.codes}")

    def cleanup(self, container):
        if container.state != "absent" and not container.restarts:
            self.call("container", "cleanup", container.name)
            self.expect(container, container.state)

    # ---- disturbances

    def some_words(self, container):
        """A verb that may be killed, or run beside another."""
        name = container.name
        return self.random.choice([
            ["start", name], ["stop", "-t", "20", name], ["stop", "-t", "0", name], ["restart", "-t", "20", name],
            ["kill", name], ["pause", name], ["unpause", name], ["rm", name], ["rm", "-f", name], ["exec", name, "true"],
            ["exec", "-d", name, "sleep", "0.01"], ["update", "--memory", "80m", "--memory-swap", "-1", name],
            ["container", "cleanup", name], ["commit", "-q", name, "committed"], ["logs", name],
            ["create", "--name", name, self.image, "sh", "-c", SERVICE],
            ["run", "-d", "--name", name, *(["--network", self.network] if self.network else []), self.image, "sh", "-c", SERVICE],
            ["run", "--rm", "--name", name, self.image, "sh", "-c", "exit 3"],
            ["run", "-d", "--rm", "--name", name, self.image, "sh", "-c", SERVICE],
            ["run", "-d", "--restart", "always", "--name", name, self.image, "sh", "-c", SERVICE],
        ])

    def spawn(self, words):
        err = tempfile.TemporaryFile()
        process = subprocess.Popen(self.nau.argv(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
                                   env=self.nau.env, cwd=self.nau.base)
        return process, err

    def join(self, words, process, err):
        try:
            process.wait(PATIENCE + 20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Wrong(f"nau {' '.join(words)} hangs") from None
        err.seek(0)
        text = err.read().decode(errors="replace")
        err.close()
        self.log(f"{self.steps}: {' '.join(words)} -> {process.returncode} {text.strip()[-150:]}")
        return text

    def kill_command_line(self, container):
        words = self.some_words(container)
        process, err = self.spawn(words)
        time.sleep(min(self.random.expovariate(1 / 0.012), 0.2))
        process.kill()
        self.join(words, process, err)
        if self.random.random() < 0.5:
            other = self.some_words(container)  # whatever is there, it must be taken as it is
            process, err = self.spawn(other)
            text = self.join(other, process, err)
            self.look_for_crash(other, process.returncode, text)
        self.settle(container)

    def two_at_once(self, container):
        both = [self.some_words(container), self.some_words(container)]
        if {words[0] for words in both} == {"exec", "pause"}:
            return  # who is frozen on his way in waits there until somebody lets the container go on
        started = [(words, *self.spawn(words)) for words in both]
        for words, process, err in started:
            text = self.join(words, process, err)
            self.look_for_crash(words, process.returncode, text)
        self.settle(container)

    def kill_init(self, container):
        if not self.is_alive(container) or start_time(container.pid[0]) != container.pid[1]:
            return
        os.kill(container.pid[0], signal.SIGKILL)
        self.log(f"{self.steps}: killed init of {container.name}")
        if container.state == "paused":  # a frozen process of cgroup v1 dies when it is thawed
            self.call("unpause", container.name)
        if container.restarts:
            return self.settle(container)
        self.gone_after(container, {137, None} if container.monitor_lost else {137})

    def kill_monitor(self, container):
        if not self.is_alive(container) or container.monitor_lost:
            return
        monitor = self.observe(container)["State"]["ConmonPid"]
        if not monitor:
            return
        os.kill(monitor, signal.SIGKILL)
        self.log(f"{self.steps}: killed monitor of {container.name}")
        deadline = time.monotonic() + PATIENCE
        while start_time(monitor) is not None:
            if time.monotonic() > deadline:
                raise Wrong(f"monitor {monitor} does not die")
            time.sleep(0.002)
        container.monitor_lost = True
        if container.restarts:
            return self.settle(container)
        self.expect(container, container.state)
