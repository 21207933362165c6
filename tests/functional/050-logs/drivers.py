"""Where a container's output goes: docker's JSON lines, systemd's journal, nau's own streams; and what is refused."""

import ctypes
import json
import os
import pathlib
import re
import socket
import struct
import subprocess

from nautest import main, test

CLONE_NEWNS = 0x20000
JOURNAL = pathlib.Path("/run/systemd/journal/socket")


def log_files(nau):
    return sorted(p for p in (nau.root / "containers").rglob("container.log*"))


def own_run_directory():
    """From here on this process and what it starts see an empty /run."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    JOURNAL.parent.mkdir(parents=True)


class Journal:
    """What journald does with its socket: reads datagrams, and files that come instead of them."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(JOURNAL))
        self.socket.settimeout(20)

    def entry(self):
        data, fds, _, _ = socket.recv_fds(self.socket, 1 << 20, 1)
        if fds:
            with os.fdopen(fds[0], "rb") as file:
                file.seek(0)
                data = file.read()
        return self.fields(data)

    @staticmethod
    def fields(data):
        found = {}
        while data:
            line, _, data = data.partition(b"\n")
            name, separator, value = line.partition(b"=")
            if not separator:
                size = struct.unpack("<Q", data[:8])[0]
                value, data = data[8:8 + size], data[8 + size + 1:]
            found[name.decode()] = value
        return found

    def close(self):
        self.socket.close()
        JOURNAL.unlink()


@test
def json_file_has_dockers_lines_and_is_read_back_exactly(nau):
    nau("run", "--name", "j", "--log-driver", "json-file", "--log-opt", "tag={{.Name}}/{{.ID}}", nau.image(), "sh", "-c",
        r"""printf 'one <a> "q"\n'; printf '\303\251\000\377\n' >&2; printf 'no end'""")
    lines = [json.loads(line) for line in log_files(nau)[0].read_text().splitlines()]
    assert [(x["log"], x["stream"]) for x in lines if x["stream"] == "stdout"] == [
        ('one <a> "q"\n', "stdout"), ("no end", "stdout")], lines
    assert [x["log"] for x in lines if x["stream"] == "stderr"] == ["\u00e9\0\ufffd\n"], lines
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", x["time"]) for x in lines), lines
    assert all(x["attrs"] == {"tag": "j/" + nau.inspect("j")["Id"][:12]} for x in lines), lines
    result = nau("logs", "j")
    assert result.out_bytes == b'one <a> "q"\nno end' and result.err_bytes == b"\xc3\xa9\0\xff\n"


@test
def what_docker_has_written_is_read(nau):
    nau("run", "--name", "j", "--log-driver", "json-file", nau.image(), "true")
    log_files(nau)[0].write_text(
        '{"log":"a line\\n","stream":"stdout","time":"2024-05-01T10:00:00.5Z"}\n'
        '{"log":"\\ud83d\\udc33 in ","stream":"stdout","attrs":{"x":"y"},"time":"2024-05-01T10:00:01Z"}\n'
        '{"log":"pieces\\n","stream":"stdout","time":"2024-05-01T10:00:01Z"}\n')
    assert nau("logs", "j").out == "a line\n\N{SPOUTING WHALE} in pieces\n"
    assert nau("logs", "-t", "j").lines[0] == "2024-05-01T10:00:00.500000000Z a line"
    assert nau("logs", "--tail", "1", "j").out == "\N{SPOUTING WHALE} in pieces\n"
    assert nau("logs", "--until", "2024-05-01T10:00:00.7Z", "j").out == "a line\n"


@test
def json_file_over_rotations(nau):
    nau("run", "-d", "--name", "r", "--log-driver", "json-file", "--log-opt", "max-size=50k", "--log-opt", "max-file=1000",
        nau.image(), "seq", "1", "20000")
    everything = "".join(f"{n}\n" for n in range(1, 20001))
    assert nau("logs", "-f", "r").out == everything
    assert len(log_files(nau)) > 10
    assert nau("logs", "--tail", "15000", "r").out == "".join(f"{n}\n" for n in range(5001, 20001))
    times = nau("logs", "-t", "--tail", "2", "r").lines
    assert nau("logs", "--since", times[0].split()[0], "r").lines[-1] == "20000"


@test(needs=["root", "mount"])
def journald_gets_each_line_with_podmans_fields(nau):
    image = nau.image()
    own_run_directory()
    journal = Journal()
    nau("run", "-d", "--name", "web", "--log-driver", "journald", image, "sh", "-c", "echo one; read x < /proc/uptime; printf two")
    id = nau.inspect("web")["Id"]
    first, second = journal.entry(), journal.entry()
    common = {"CONTAINER_ID": id[:12].encode(), "CONTAINER_ID_FULL": id.encode(), "CONTAINER_NAME": b"web", "SYSLOG_IDENTIFIER": b"web"}
    assert first == {"MESSAGE": b"one", "PRIORITY": b"6", **common}, first
    assert second == {"MESSAGE": b"two", "PRIORITY": b"6", "CONTAINER_PARTIAL_MESSAGE": b"true", **common}, second
    nau("run", "--log-driver", "journald", "--log-opt", "tag=my {{.ImageName}}", image, "sh", "-c", r"printf 'e=\000\377\n' >&2")
    entry = journal.entry()
    assert (entry["MESSAGE"], entry["PRIORITY"]) == (b"e=\0\xff", b"3"), entry
    assert entry["CONTAINER_TAG"] == entry["SYSLOG_IDENTIFIER"] == b"my " + image.encode(), entry
    assert f"Hint: journalctl CONTAINER_ID_FULL={id}" in nau.fails(125, "logs", "web", error="in the journal").err
    assert nau.inspect("web")["LogPath"] == ""
    journal.close()


@test(needs=["root", "mount"])
def without_a_journal_nothing_starts(nau):
    image = nau.image()
    own_run_directory()
    nau.fails(125, "run", "--name", "n", "--log-driver", "journald", image, "true", error="journald: connect to /run/systemd")
    journal = Journal()
    assert nau("start", "-a", "n").status == 0
    journal.close()


@test(needs=["root", "mount"])
def a_journal_that_stands_still_does_not_stop_the_container(nau):
    image = nau.image()
    own_run_directory()
    journal = Journal()
    # Nobody reads: its queue is soon full. The container waits a while, then its output is lost and it ends.
    nau("run", "--name", "full", "--log-driver", "journald", image, "seq", "1", "100000", timeout=45)
    died = [e for e in nau("events", "--no-stream", "--format", "json").lines if '"died"' in e]
    assert "logLostBytes" in died[-1], died
    assert [journal.entry()["MESSAGE"] for _ in range(3)] == [b"1", b"2", b"3"]
    assert "bytes of its output could not be written to its log" in nau("why", "full").out
    journal.close()


@test
def passthrough_is_naus_own_streams(nau, tmp):
    image = nau.image()
    (tmp / "in").write_text("typed\n")
    with open(tmp / "in") as given, open(tmp / "out", "w") as out, open(tmp / "err", "w") as err:
        done = subprocess.run(nau.argv("run", "--name", "p", "--log-driver", "passthrough", image, "sh", "-c",
                                       "test -f /proc/$$/fd/1 && cat; echo to err >&2; exit 3"),
                              stdin=given, stdout=out, stderr=err, env=nau.env, check=False)
    assert done.returncode == 3
    assert (tmp / "out").read_text() == "typed\n"
    assert (tmp / "err").read_text() == "to err\n"
    assert (tmp / "out").stat().st_uid == os.getuid()
    nau.fails(125, "logs", "p", error="passthrough")
    assert log_files(nau) == [] and nau.inspect("p")["LogPath"] == ""
    # Each start gives its own.
    assert nau("start", "-a", "p", input="again\n", status=3).out == "again\n"
    nau("run", "-d", "--name", "q", "--log-driver", "passthrough", image, "sleep", "1000")
    nau.fails(125, "attach", "q", error="attach")


@test
def passthrough_ends_with_the_container(nau):
    # The pipe's end comes although the monitor would still be there.
    done = nau.start("run", "-d", "--log-driver", "passthrough", nau.image(), "sh", "-c", "sleep 0.3; echo late").wait()
    assert done.lines[-1] == "late" and len(done.lines) == 2, done.lines


@test
def passthrough_and_terminals(nau):
    image = nau.image()
    nau.fails(125, "run", "-t", "--log-driver", "passthrough", image, "true", error="terminal")
    nau.fails(125, "create", "-t", "--log-driver", "passthrough-tty", image, "true", error="terminal of its own")
    process = nau.start("run", "--rm", "--log-driver", "passthrough", image, "true", tty=True)
    process.expect("passthrough-tty")
    process.wait(125)
    process = nau.start("run", "--rm", "--log-driver", "passthrough-tty", image, "sh", "-c", "test -t 1 && echo it is a terminal", tty=True)
    process.expect("it is a terminal")
    process.wait(0)


@test
def what_is_not_known_is_refused_with_the_choices(nau):
    image = nau.image()
    choices = "k8s-file, json-file, journald, passthrough, passthrough-tty, none"
    nau.fails(125, "run", "--log-driver", "syslog", image, "true", error=choices)
    nau.fails(125, "run", "--log-driver", "jsonfile", image, "true", error=choices)
    nau.fails(125, "run", "--log-opt", "max_size=1m", image, "true", error="max-size, max-file, compress, tag")
    nau.fails(125, "run", "--log-driver", "journald", "--log-opt", "max-size=1m", image, "true", error=r"no option 'max-size' \(tag\)")
    nau.fails(125, "run", "--log-driver", "none", "--log-opt", "tag=x", image, "true", error="no option 'tag'")
    nau.fails(125, "run", "--log-opt", "compress=maybe", image, "true", error="true or false")
    nau.fails(125, "run", "--log-opt", "tag={{.Nmae}}", image, "true", error=r"\.Nmae")
    assert nau("ps", "-aq").lines == []


@test
def inspect_shows_the_log_as_docker_does(nau):
    nau("create", "--name", "c", "--log-driver", "json-file", "--log-opt", "max-size=10m", "--log-opt", "tag={{.Name}}", nau.image(), "true")
    shown = nau.inspect("c")["HostConfig"]["LogConfig"]
    assert shown["Type"] == "json-file"
    assert shown["Config"] == {"max-size": "10m", "tag": "{{.Name}}"}
    assert shown["Path"] == nau.inspect("c")["LogPath"] != ""
    nau("create", "--name", "d", nau.image(), "true")
    assert nau.inspect("d")["HostConfig"]["LogConfig"]["Config"] == {}


main()
