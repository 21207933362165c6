"""Published ports: from the host, from outside, from other containers and from the container itself."""

import re
import socket
import threading

from nautest import Lan, Machine, main, test, wait_until



def _ask(machine, address, port, text=""):
    """One connection by nc; what came back, or '' when it was refused."""
    return machine.run("busybox", "nc", "-w", "2", address, str(port), check=False, input=text)


def _ready(lan, port=8080):
    wait_until(lambda: "hello" in _ask(lan.host, "127.0.0.1", port), what="an answer of the server")


@test
def a_port_is_reached_from_everywhere_in_both_families(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        nau("run", "-d", "--name", "web", "-p", "8080:80", image, "sh", "-c", "nc -ll -p 80 -e echo hello")
        _ready(lan)
        for machine, address in ((lan.host, "127.0.0.1"), (lan.host, "::1"), (lan.host, "192.0.2.1"),
                                 (lan.host, "2001:db8::1"), (lan.outside, "192.0.2.1"), (lan.outside, "2001:db8::1")):
            assert _ask(machine, address, 8080) == "hello\n", address
        for address in ("192.0.2.1", "10.87.0.1", "2001:db8::1"):  # its own, and a neighbour's
            assert nau("exec", "web", "nc", "-w", "2", address, "8080").out == "hello\n", address
            assert nau("run", "--rm", image, "nc", "-w", "2", address, "8080").out == "hello\n", address
        nau("rm", "-f", "web")
        assert _ask(lan.host, "127.0.0.1", 8080).find("hello") < 0
        assert _ask(lan.outside, "192.0.2.1", 8080).find("hello") < 0


@test
def the_server_sees_who_asks(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        nau("run", "-d", "--name", "web", "-p", "8080:80", image, "httpd", "-f", "-vv", "-p", "80")
        wait_until(lambda: "HTTP/1" in _ask(lan.host, "127.0.0.1", 8080, "GET / HTTP/1.0\r\n\r\n"))
        _ask(lan.outside, "192.0.2.1", 8080, "GET / HTTP/1.0\r\n\r\n")
        _ask(lan.outside, "2001:db8::1", 8080, "GET / HTTP/1.0\r\n\r\n")
        wait_until(lambda: "2001:db8::2" in nau("logs", "web").err + nau("logs", "web").out)
        log = nau("logs", "web").err + nau("logs", "web").out
        assert "192.0.2.2" in log and "10.87.0.1" in log, log


@test
def datagrams_too(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        container = nau("run", "-d", "-p", "5353:53/udp", image, "sleep", "1000").word
        inside = Machine.of(nau.pid(container))
        with inside.entered():
            server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            server.bind(("::", 53))

        def echo():
            while True:
                data, client = server.recvfrom(100)
                server.sendto(data, client)
        threading.Thread(target=echo, daemon=True).start()
        for machine, address in ((lan.outside, "192.0.2.1"), (lan.host, "127.0.0.1"), (lan.host, "192.0.2.1"), (lan.host, "::1")):
            with machine.entered():
                client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            client.settimeout(0.3)

            def echoed():
                try:
                    client.sendto(b"ping", (address, 5353))
                    return client.recv(100) == b"ping"
                except (TimeoutError, ConnectionRefusedError):
                    return False
            wait_until(echoed, what=f"an answer over {address}")
            client.close()
        server.close()


@test
def addresses_of_the_host_are_kept_apart(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        nau("run", "-d", "-p", "127.0.0.1:8080:80", image, "nc", "-ll", "-p", "80", "-e", "echo", "hello")
        nau("run", "-d", "-p", "192.0.2.1:8081:80", image, "nc", "-ll", "-p", "80", "-e", "echo", "hello")
        _ready(lan)
        assert "hello" not in _ask(lan.outside, "192.0.2.1", 8080)
        wait_until(lambda: "hello" in _ask(lan.outside, "192.0.2.1", 8081))
        assert "hello" not in _ask(lan.host, "127.0.0.1", 8081)


@test
def the_default_address_is_a_setting(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        (nau.base / "bridge.conf").write_text("default_publish_address = 127.0.0.1\n")
        nau("run", "-d", "--name", "a", "-p", "8080:80", image, "nc", "-ll", "-p", "80", "-e", "echo", "hello")
        _ready(lan)
        assert nau("port", "a").out == "80/tcp -> 127.0.0.1:8080\n"
        assert "hello" not in _ask(lan.outside, "192.0.2.1", 8080)


@test
def a_taken_port_names_who_has_it(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        nau("run", "-d", "--name", "first", "-p", "8080:80", image, "sleep", "1000")
        nau.fails(125, "run", "--rm", "-p", "8080:80", image, "true", error="8080.*container first has it")
        with lan.host.entered():
            own = socket.create_server(("", 8081))
        nau.fails(125, "run", "--rm", "-p", "8081:80", image, "true", error=r"8081.*python\S* \(pid \d+\) has it")
        own.close()
        assert nau("run", "--rm", "-p", "8081:80", image, "true").out == ""
        assert nau("ps", "-aq").lines == nau("ps", "-q").lines


@test
def a_port_is_free_though_connections_linger(nau):
    image = nau.image("busybox")
    with Lan(nau):
        for _ in range(3):  # the kernel holds the interface until it has given the neighbour up
            nau("run", "--rm", "-p", "8080:80", image, "nc", "-w", "1", "10.87.77.77", "80", status=1)


@test
def ranges_random_ports_and_all_exposed(nau):
    image = nau.image("busybox")
    with Lan(nau):
        nau("create", "--name", "a", "-p", "8000-8002:80-82", "-p", "53/udp", image, "true")
        lines = nau("port", "a").lines
        assert "81/tcp -> 0.0.0.0:8001" in lines and "82/tcp -> [::]:8002" in lines, lines
        random = int(re.search(r"53/udp -> 0.0.0.0:(\d+)", nau("port", "a").out).group(1))
        assert random >= 1024
        assert nau("port", "a", "81").lines == ["0.0.0.0:8001", "[::]:8001"]
        nau.fails(125, "port", "a", "9999", error="9999/tcp")
        nau("create", "--name", "b", "-P", "--expose", "90-91", "--expose", "7/udp", image, "true")
        assert sorted(re.findall(r"^(\S+) -> 0", nau("port", "b").out, re.M)) == ["7/udp", "90/tcp", "91/tcp"]
        row = [r for r in nau.json("ps", "-a") if r["Names"] == ["a"]][0]
        assert {"host_ip": "", "container_port": 80, "host_port": 8000, "range": 3, "protocol": "tcp"} in row["Ports"]
        bindings = nau.inspect("a")["HostConfig"]["PortBindings"]
        assert bindings["80/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "8000"}]


@test
def mistakes_are_told(nau):
    image = nau.image("busybox")
    with Lan(nau):
        nau.fails(125, "run", "-p", "70000:80", image, error="70000")
        nau.fails(125, "run", "-p", "80:80/icmp", image, error="icmp")
        nau.fails(125, "run", "--network", "container:x", "-p", "80:80", image, error="--publish")
        nau.fails(125, "run", "-p", "80:80", "-p", "80:81", image, error="published twice")


main()
