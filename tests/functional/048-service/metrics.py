"""nau metrics: figures in Prometheus' text format, on standard output, in a file, and as an answer to HTTP."""

import re
import socket
import subprocess

from nautest import main, test


def samples(text):
    """{name: {labels as text: value}}; every line has the format's shape and every family one heading."""
    found, kinds = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds, f"{name} twice"
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            match = re.fullmatch(r"([a-z_]+)(\{.*\})? (-?[0-9.e+-]+)", line)
            assert match and match[1] in kinds, line
            found.setdefault(match[1], {})[match[2] or ""] = float(match[3])
    assert text.endswith("\n")
    return found


@test(needs=["root", "cgroup:memory", "cgroup:pids"])
def containers_have_cadvisors_names_and_the_store_its_own(nau):
    image = nau.image("busybox")
    nau("run", "-d", "--name", "web", "-m", "64m", image, "sleep", "1000")
    nau("run", "--name", "over", image, "sh", "-c", "exit 3", status=3)
    found = samples(nau("metrics").out)
    (labels, limit), = found["container_spec_memory_limit_bytes"].items()
    assert limit == 64 << 20
    assert re.fullmatch(r'\{id="/[^"]+",image="[^"]*busybox[^"]*",name="web"\}', labels), labels
    assert 0 < found["container_memory_usage_bytes"][labels] <= limit
    assert found["container_processes"][labels] == 1 and found["container_threads"][labels] == 1
    assert found["container_cpu_usage_seconds_total"][labels[:-1] + ',cpu="total"}'] > 0
    assert found["nau_containers"]['{state="running"}'] == 1 and found["nau_containers"]['{state="exited"}'] == 1
    (over, code), = found["nau_container_exit_code"].items()
    assert 'name="over"' in over and code == 3
    assert found["nau_images"][""] == 1 and found["nau_database_bytes"][""] > 0


@test(needs=["root"])
def a_file_is_replaced_in_one_step_and_readable(nau, tmp):
    path = tmp / "nau.prom"
    path.write_text("old\n")
    assert nau("metrics", "--textfile", path).out == ""
    assert samples(path.read_text())["nau_images"][""] == 0
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in tmp.iterdir()] == ["nau.prom"]
    nau.fails(125, "metrics", "--textfile", tmp / "no" / "dir", error="No such file")


def ask(nau, request, connected):
    """The answer of a nau that was given a listening socket, or (Accept=yes) a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        client.settimeout(20)
        passed = listener.accept()[0] if connected else listener
        command = subprocess.Popen(["sh", "-c", 'exec 3<&"$0"; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', str(passed.fileno()),
                                    *nau.argv("metrics")], pass_fds=[passed.fileno()], env=nau.env, cwd=nau.base)
        client.sendall(request)
        answer = b""
        while part := client.recv(65536):
            answer += part
        assert command.wait(20) == 0
        client.close()
        if connected:
            passed.close()
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head.splitlines(), body


@test(needs=["root"])
def one_request_on_a_passed_socket_is_answered(nau):
    for connected in (False, True):
        head, body = ask(nau, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", connected)
        assert head[0] == "HTTP/1.1 200 OK" and f"Content-Length: {len(body)}" in head
        assert "Content-Type: text/plain; version=0.0.4; charset=utf-8" in head
        assert "nau_containers" in samples(body)
    assert ask(nau, b"GET /other HTTP/1.1\r\n\r\n", False)[0][0] == "HTTP/1.1 404 Not Found"
    assert ask(nau, b"POST /metrics HTTP/1.1\r\n\r\n", False)[0][0] == "HTTP/1.1 405 Method Not Allowed"
    assert ask(nau, b"nonsense\r\n\r\n", False)[0][0] == "HTTP/1.1 400 Bad Request"
    assert ask(nau, b"HEAD / HTTP/1.1\r\n\r\n", False)[1] == ""


main()
