"""A pull that is killed, interrupted or out of space leaves a store in which the next pull works."""

import os
import signal
import subprocess
import time

from nautest import FakeRegistry, layout, main, skip, test


class Slow:
    """A registry that stops in the middle of the last layer until it is told to go on."""

    def __init__(self):
        import threading
        self.reached, self.go = threading.Event(), threading.Event()

    def __call__(self, handler, method, path):
        if self.go.is_set() or method != "GET" or "/blobs/" not in path:
            return False
        data = self.fake.blobs[path.rpartition("/")[2]]
        if len(data) < 100_000:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2])
        handler.wfile.flush()
        self.reached.set()
        self.go.wait(30)
        handler.wfile.write(data[len(data) // 2:])
        return True


def stopped_half_way(nau, number):
    with FakeRegistry() as fake:
        reference = fake.put_layout(layout("busybox"), "test/image")
        slow = Slow()
        slow.fake = fake
        fake.hook = slow
        pull = nau.start("pull", "-q", reference)
        assert slow.reached.wait(20)
        pull.signal(number)
        result = pull.wait(status=None)
        slow.go.set()
        assert nau("images", "-q").out == ""
        nau("pull", "-q", reference)
        assert nau("run", "--rm", "--network", "none", reference, "echo", "works").out == "works\n"
        return result


@test
def ctrl_c_ends_it_with_130_and_one_line(nau):
    result = stopped_half_way(nau, signal.SIGINT)
    assert result.status == 130, result
    assert len(result.err.splitlines()) <= 1, result


@test
def sigterm_ends_it_with_143(nau):
    assert stopped_half_way(nau, signal.SIGTERM).status == 143


@test
def sigkill_leaves_a_store_that_works(nau):
    assert stopped_half_way(nau, signal.SIGKILL).status == -signal.SIGKILL


@test(timeout=300)
def killed_at_any_moment(nau, registry):
    """SIGKILL after ever longer times, until one pull gets through: the next always works and nothing is corrupt."""
    reference = registry.add("layers8")
    delay, killed = 0.002, 0
    while True:
        pull = nau.start("pull", "-q", reference)
        try:
            pull.process.wait(delay)
            break
        except subprocess.TimeoutExpired:
            pull.process.kill()
            pull.process.wait()
            killed += 1
        pull.process.stdout.close()
        delay *= 1.3
        assert delay < 30
    assert killed >= 3, "the pull is quicker than the killer"
    assert nau("pull", "-q", reference).status == 0
    assert nau("run", "--rm", "--network", "none", reference, "cat", "/a/2").out == "now with a second name\n"


@test(needs=["root", "mount"])
def a_full_disk_is_named_and_nothing_remains(nau, tmp, registry):
    reference = registry.add("layers8")
    disk = tmp / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]).returncode != 0:
        skip("cannot mount a tmpfs")
    try:
        nau.root = disk / "root"
        nau.fails(125, "pull", reference, error="[Nn]o space")
        subprocess.run(["mount", "-o", "remount,size=400m", str(disk)], check=True)
        nau("pull", "-q", reference)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@test
def an_unwritable_root_is_named(nau, tmp):
    (tmp / "file").write_text("")
    nau.root = tmp / "file"
    nau.fails(125, "pull", "127.0.0.1:1/x:y", error=str(tmp / "file"))


main()
