"""Test functions and how they run.

    @test
    def the_name_is_the_behaviour(nau, registry): ...

    main()

Parameters are fixtures, made anew for each test and undone after it:

    nau       Nau with an empty state of its own
    registry  the session's Registry, shared by all files: only add to it what others can stand
    tmp       pathlib.Path of an empty directory

Each test runs in a child process. When it fails, overruns its time or dies, the parent still undoes the
fixtures and checks that nothing is left (command.Nau.close). The parent is a child subreaper, so whatever a
test leaves running becomes its child and is found there, however it was started.
"""

import functools
import inspect
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import traceback

from . import command, host
from .registry import Registry

SKIP_STATUS = 77

_tests = []


class Skip(Exception):
    """The test cannot run here; the text says what is missing."""


def skip(reason):
    raise Skip(reason)


def needs(*wants):
    """Skip unless this machine has all of: 'root', 'mount', 'cgroup:NAME', 'program:NAME'."""
    for want in wants:
        kind, _, name = want.partition(":")
        if kind == "root" and not host.Host.is_root():
            skip("needs root")
        elif kind == "mount" and not host.Host.can_mount():
            skip("needs a kernel and rights to mount an overlay")
        elif kind == "cgroup" and host.Host.cgroup_controller(name) is None:
            skip(f"needs a writable cgroup controller '{name}'")
        elif kind == "program" and not host.Host.has(name):
            skip(f"needs the program {name}")
        elif kind not in ("root", "mount", "cgroup", "program"):
            raise ValueError(want)


def test(function=None, *, timeout=60, needs=(), leak_check=True):
    """Marks a test function. `timeout` in seconds; `needs` as for needs()."""
    if function is None:
        return functools.partial(test, timeout=timeout, needs=needs, leak_check=leak_check)
    _tests.append((function, timeout, (needs,) if isinstance(needs, str) else tuple(needs), leak_check))
    return function


def main():
    """Runs the tests of the file, or those whose names hold one of the arguments."""
    command.set_subreaper()
    wanted = sys.argv[1:]
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    for function, timeout, wants, leak_check in _tests:
        name = function.__name__
        if wanted and not any(w in name for w in wanted):
            continue
        started = time.monotonic()
        verdict, text = _run(function, timeout, wants, leak_check)
        counts[verdict] += 1
        took = time.monotonic() - started
        print(f"{verdict} {name} ({took:.2f} s)" + (f": {text}" if verdict == "skip" else ""), flush=True)
        if verdict == "FAIL":
            for line in text.rstrip().splitlines():
                print("    " + line, flush=True)
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped", flush=True)
    if counts["FAIL"]:
        sys.exit(1)
    sys.exit(0 if counts["ok"] or not counts["skip"] else SKIP_STATUS)


def _run(function, timeout, wants, leak_check):
    names = list(inspect.signature(function).parameters)
    tmp = pathlib.Path(tempfile.mkdtemp(prefix="nau-test-", dir=host.state_base()))
    nau = None
    try:
        try:
            needs(*wants)
            nau = command.Nau(tmp) if "nau" in names else None
            fixtures = {}
            for name in names:
                if name == "nau":
                    fixtures[name] = nau
                elif name == "tmp":
                    (tmp / "tmp").mkdir()
                    fixtures[name] = tmp / "tmp"
                elif name == "registry":
                    fixtures[name] = Registry.session()
                else:
                    raise TypeError(f"unknown fixture '{name}'")
        except Skip as reason:
            return "skip", str(reason)
        verdict, text = _in_child(function, fixtures, timeout, tmp)
        leaks = nau.close() if nau else command.leftovers([])
        if leaks and leak_check and verdict != "skip":
            text = (text + "\n" if verdict == "FAIL" else "") + "left behind:\n" + "\n".join("  " + l for l in leaks)
            verdict = "FAIL"
        return verdict, text
    except Exception:  # the harness itself failed: say so as a failure of this test
        return "FAIL", traceback.format_exc()
    finally:
        if nau:
            nau.remove_state()
        shutil.rmtree(tmp, ignore_errors=True)


def _in_child(function, fixtures, timeout, tmp):
    """The test in a child with its own session; returns (verdict, text)."""
    report = tmp / "report"
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _child(function, fixtures, report)  # does not return
    # An emulated machine is ten times slower than the one a limit was chosen on.
    deadline = time.monotonic() + timeout * float(os.environ.get("NAU_TEST_SLOWNESS", "1"))
    status = None
    while status is None:
        status = command.reap(pid)
        if status is None:
            if time.monotonic() > deadline:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return "FAIL", f"timed out after {timeout} s\n" + _read(report)
            time.sleep(0.002)
    code = os.waitstatus_to_exitcode(status)
    text = _read(report)
    if code == 0:
        return "ok", ""
    if code == SKIP_STATUS:
        return "skip", text
    return "FAIL", text or f"the test process ended with status {code}"


def _read(path):
    return path.read_text(errors="replace") if path.exists() else ""


def _child(function, fixtures, report):
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.environ["NAU_TEST_DIR"] = str(report.parent)  # registries of a test that is killed go with its directory
        command.set_transcript(report)
        try:
            function(**fixtures)
            code = 0
        except Skip as reason:
            report.write_text(str(reason))
            code = SKIP_STATUS
        except BaseException:
            with report.open("a") as f:
                f.write(traceback.format_exc())
    finally:
        os._exit(code)
