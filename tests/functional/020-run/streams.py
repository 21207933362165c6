"""Standard streams, terminals, signals, detaching."""

import hashlib
import os
import signal

from nautest import main, test


@test
def output_and_errors_go_their_own_ways(nau):
    result = nau("run", "--rm", nau.image(), "sh", "-c", "echo out; echo err >&2")
    assert (result.out, result.err) == ("out\n", "err\n")


@test
def not_a_byte_is_lost_or_doubled(nau):
    image = nau.image()
    result = nau("run", "--rm", image, "sh", "-c", "seq 1 200000; seq 1 100000 >&2")
    assert result.out == "".join(f"{n}\n" for n in range(1, 200001))
    assert result.err == "".join(f"{n}\n" for n in range(1, 100001))


@test
def input_is_connected_only_when_asked_for(nau):
    image = nau.image()
    assert nau("run", "--rm", "-i", image, "cat", input="hello\nworld").out == "hello\nworld"
    assert nau("run", "--rm", image, "cat", input="hello").out == ""
    data = bytes(range(256)) * 4096
    assert nau("run", "--rm", "-i", image, "sha256sum", input=data).out == f"{hashlib.sha256(data).hexdigest()}  -\n"


@test
def a_terminal_is_one_and_has_the_size_of_ours(nau):
    process = nau.start("run", "--rm", "-it", nau.image(), "sh", tty=True, rows=33, columns=101)
    process.expect(r"# ")
    process.send("stty size; tty\r")
    process.expect(r"33 101\r\n/dev/")
    process.resize(40, 120)
    process.send("sleep 0.2; stty size\r")
    process.expect(r"40 120\r\n")
    process.send("exit 7\r")
    process.wait(status=7)


@test
def a_terminal_without_input_is_possible(nau):
    assert nau("run", "--rm", "-t", nau.image(), "sh", "-c", "test -t 1 && echo yes").out == "yes\r\n"


@test
def detach_keys_leave_it_running(nau):
    process = nau.start("run", "-it", "--name", "d", nau.image(), "sh", tty=True)
    process.expect(r"# ")
    process.send(b"\x10\x11")
    process.wait(status=0)
    assert nau("ps", "--format", "{{.Names}}").lines == ["d"]
    again = nau.start("attach", "d", tty=True)
    again.send("\recho ba\"\"ck\r")
    again.expect("back")
    again.send("exit\r")
    again.wait(status=0)


@test
def signals_are_forwarded(nau):
    image = nau.image()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        process = nau.start("run", "--rm", image, "sh", "-c", f"trap 'exit 9' {int(number)}; echo ready; while :; do sleep 0.05; done")
        process.expect("ready")
        process.signal(number)
        process.wait(status=9)


@test
def without_proxy_a_signal_ends_the_client_only(nau):
    process = nau.start("run", "--name", "s", "--sig-proxy=false", nau.image(), "sh", "-c", "echo ready; sleep 1000")
    process.expect("ready")
    process.signal(signal.SIGTERM)
    process.wait(status=143)
    assert nau("ps", "--format", "{{.Names}}").lines == ["s"]


@test
def a_killed_client_leaves_the_container_to_its_monitor(nau):
    process = nau.start("run", "--name", "k", nau.image(), "sh", "-c", "echo ready; sleep 0.5; exit 5")
    process.expect("ready")
    process.process.kill()
    process.wait(status=None)
    assert nau("wait", "k").out == "5\n"


@test
def a_reader_that_closes_its_pipe_does_not_hang_us(nau):
    process = nau.start("run", "--rm", nau.image(), "sh", "-c", "while echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; do :; done")
    process.expect("yyy")
    process.process.stdout.close()
    process._out = os.open("/dev/null", os.O_RDONLY)
    process.process.wait(20)


@test
def detached_it_prints_the_id_and_runs_on(nau):
    container = nau("run", "-d", nau.image(), "sleep", "1000").word
    assert len(container) == 64
    assert nau("ps", "-q", "--no-trunc").lines == [container]


main()
