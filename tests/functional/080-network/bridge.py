"""The default network: a bridge with a way out, and no way in but published ports."""

import re
import signal
import socket
import threading

from nautest import Lan, Machine, main, test, wait_until


def _address(nau, container, v6=False):
    words = nau("exec", container, "ip", "-o", *(["-6"] if v6 else ["-4"]), "addr", "show", "dev", "eth0", "scope", "global").out
    return re.search(r"inet6? (\S+)/", words).group(1)


class Server:
    """Tells each client its address; keeps the addresses it has seen."""

    def __init__(self, machine, port, family=socket.AF_INET):
        with machine.entered():
            self.socket = socket.create_server(("::" if family == socket.AF_INET6 else "0.0.0.0", port), family=family)
        self.seen = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            client, address = self.socket.accept()
            self.seen.append(address[0])
            client.sendall(f"you are {address[0]}\n".encode())
            client.close()


@test
def a_container_reaches_the_world_under_the_hosts_address(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        server, server6 = Server(lan.outside, 80), Server(lan.outside, 81, socket.AF_INET6)
        assert nau("run", "--rm", image, "nc", "192.0.2.2", "80").out == "you are 192.0.2.1\n"
        assert nau("run", "--rm", image, "nc", "2001:db8::2", "81").out == "you are 2001:db8::1\n"
        assert server.seen == ["192.0.2.1"] and server6.seen == ["2001:db8::1"]


@test
def addresses_go_round_and_interfaces_go_with_the_container(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        first = nau("run", "-d", image, "sleep", "1000").word
        second = nau("run", "-d", image, "sleep", "1000").word
        assert _address(nau, first) == "10.87.0.2"
        assert _address(nau, second) == "10.87.0.3"
        assert len([l for l in lan.host.links() if l.startswith("nv")]) == 2
        nau("rm", "-f", first, second)
        wait_until(lambda: not [l for l in lan.host.links() if l.startswith("nv")], what="the end of both interfaces")
        third = nau("run", "-d", image, "sleep", "1000").word
        assert _address(nau, third) == "10.87.0.4"  # not at once the address of one that has gone


@test
def inside_nobody_listens_to_router_advertisements(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        assert nau("run", "--rm", image, "cat", "/proc/sys/net/ipv6/conf/eth0/accept_ra").out == "0\n"
        assert lan.host.run("cat", "/proc/sys/net/ipv6/conf/nau0/accept_ra", "/proc/sys/net/ipv4/ip_forward") == "0\n1\n"


@test
def the_outside_has_no_way_in_even_with_a_route(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        container = nau("run", "-d", image, "nc", "-ll", "-p", "80", "-e", "echo", "secret").word
        address = _address(nau, container)
        lan.outside.run("ip", "route", "add", "10.87.0.0/16", "via", "192.0.2.1")
        wait_until(lambda: "secret" in lan.host.run("busybox", "nc", "-w", "1", address, "80", check=False))
        assert lan.outside.run("busybox", "nc", "-w", "1", address, "80", check=False).find("secret") < 0


@test
def etc_files_name_the_container_and_the_host(nau):
    image = nau.image("busybox")
    with Lan(nau):
        hosts = nau("run", "--rm", "--name", "web", "--hostname", "h", "--add-host", "gw:host-gateway", image, "cat", "/etc/hosts").out
        assert "10.87.0.2\th web\n" in hosts
        assert "10.87.0.1\thost.containers.internal host.docker.internal\n" in hosts
        assert "10.87.0.1\tgw\n" in hosts
        assert "127.0.1.1" not in hosts
        assert nau("run", "--rm", "--dns", "192.0.2.9", "--dns-search", "a.test", "--dns-option", "ndots:3", image,
                   "cat", "/etc/resolv.conf").out == "search a.test\nnameserver 192.0.2.9\noptions ndots:3\n"


@test
def a_start_that_fails_leaves_nothing(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        nau("run", "--rm", image, "/no/such", status=127)
        nau("create", "--name", "broken", image, "/no/such")
        nau("start", "broken", status=127)
        wait_until(lambda: not [l for l in lan.host.links() if l.startswith("nv")])
        assert not list((nau.runroot / "networks" / "containers").iterdir())
        other = nau("run", "-d", image, "sleep", "1000").word
        assert _address(nau, other) == "10.87.0.4"


@test
def a_start_that_is_killed_half_way_leaves_nothing(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        keeping = nau("run", "-d", image, "sleep", "1000").word
        for _ in range(5):
            process = nau.start("run", "--rm", "-p", "9090:80", image, "sleep", "1000")
            wait_until(lambda: len(list((nau.runroot / "networks" / "containers").iterdir())) > 1, what="the attachment")
            process.signal(signal.SIGKILL)
            process.wait(status=None)
            for other in nau("ps", "-aq", "--no-trunc").lines:
                if other != keeping:
                    nau("rm", "-f", other, status=None)
            wait_until(lambda: len([l for l in lan.host.links() if l.startswith("nv")]) == 1, what="the end of its interface")
            wait_until(lambda: len(list((nau.runroot / "networks" / "containers").iterdir())) == 1, what="the end of its file")


@test
def many_at_once_get_an_address_each(nau):
    image = nau.image("busybox")
    with Lan(nau):
        nau("run", "--rm", image, "true")
        processes = [nau.start("run", "--rm", image, "ip", "-o", "-4", "addr", "show", "dev", "eth0") for _ in range(20)]
        addresses = []
        for process in processes:
            addresses.append(re.search(r"inet (\S+)", process.wait().out).group(1))
        assert len(set(addresses)) == 20, addresses


@test
def without_ipv6_on_the_host_there_is_none_inside(nau):
    image = nau.image("busybox")
    with Lan(nau, ipv6=False):
        out = nau("run", "--rm", image, "ip", "-6", "addr").out
        assert "eth0" not in out and "::1" in out


@test
def a_foreign_bridge_of_that_name_is_left_alone(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        lan.host.run("ip", "link", "add", "nau0", "type", "bridge")
        lan.host.run("ip", "addr", "add", "10.87.0.1/16", "dev", "nau0")
        out = nau("run", "--rm", image, "ip", "-o", "-4", "addr", "show", "dev", "eth0").out
        assert "10.87." not in out, out  # that subnet is the host's
        assert "nau1" in lan.host.links()


@test
def a_namespace_path_must_be_a_network_namespace(nau, tmp):
    image = nau.image("busybox")
    other = Machine()
    try:
        other.run("ip", "link", "add", "marker0", "type", "bridge")
        assert "marker0" in nau("run", "--rm", "--network", f"ns:/proc/{other.pid}/ns/net", image, "ip", "link").out
        (tmp / "file").write_text("")
        nau.fails(125, "run", "--rm", "--network", f"ns:{tmp}/file", image, "true", error="not a (network )?namespace")
        nau.fails(125, "run", "--rm", "--network", "ns:/proc/self/ns/uts", image, "true", error="namespace")
    finally:
        other.close()


@test
def a_container_shares_anothers_network_and_files(nau):
    image = nau.image("busybox")
    with Lan(nau):
        nau("run", "-d", "--name", "first", image, "nc", "-ll", "-p", "80", "-e", "echo", "same")
        out = nau("run", "--rm", "--network", "container:first", image, "sh", "-c",
                  "cat /etc/hosts; for i in 1 2 3 4 5 6 7 8 9; do nc 127.0.0.1 80 && break; sleep 0.1; done").out
        assert "same" in out and "10.87.0.2" in out and "first" in out


main()
