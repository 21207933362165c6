"""Options of networks, as podman's and docker's users know them, and what follows when networks change under a container."""

import re
import socket

from nautest import Lan, main, test, wait_until


def _settings(nau, container, network):
    return nau.inspect(container)["NetworkSettings"]["Networks"][network]


@test
def options_reach_the_kernel(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        nau("network", "create", "-o", "com.docker.network.bridge.name=br-x", "-o", "mtu=1400", "-o", "metric=77",
            "-o", "com.docker.network.container_iface_prefix=lan", "--subnet", "10.5.0.0/24", "--subnet", "10.6.0.0/24", "x")
        out = nau("run", "--rm", "--network", "x", image, "sh", "-c", "ip -o link; ip -o -4 addr; ip route").out
        assert "lan0" in out and "mtu 1400" in out and "10.5.0.2/24" in out and "10.6.0.2/24" in out, out
        assert re.search(r"default via 10\.5\.0\.1 dev lan0 +metric 77", out), out
        assert nau("network", "inspect", "x").json()[0]["options"]["metric"] == "77"
        nau("network", "create", "-o", "vlan=12", "--interface-name", "br-v", "v")
        tagged = nau("run", "--rm", "--network", "v", image, "ping", "-c", "1", "127.0.0.1", status=None)
        if tagged.status == 125:  # not every kernel can
            assert "no bridges that filter by VLAN" in tagged.err, tagged
        else:
            bridge = lan.host.run("ip", "-d", "link", "show", "br-v")
            assert "vlan_filtering 1" in bridge and "vlan_default_pvid 12" in bridge, bridge
        for arguments, word in ((["-o", "vlan=4095"], "4094"), (["-o", "metric=0"], "metric"), (["-o", "isolate=maybe"], "maybe"),
                                (["-o", "com.docker.network.bridge.name=br-x"], "br-x exists"), (["-o", "parent=eth0"], "parent"),
                                (["-o", "com.docker.network.bridge.name=a/b"], "'a/b'"), (["--ipam-driver", "dhcp"], "dhcp"),
                                (["-d", "macvlan", "-o", "mode=fast", "--subnet", "10.9.0.0/24"], "'fast'"),
                                (["-d", "macvlan"], "needs --subnet"), (["--ipam-driver", "none", "--subnet", "10.9.0.0/24"], "--subnet")):
            nau.fails(125, "network", "create", *arguments, "y", error=word)


@test
def neighbours_may_be_kept_apart(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        nau("network", "create", "-o", "com.docker.network.bridge.enable_icc=false", "apart")
        nau("run", "-d", "--name", "web", "--network", "apart", "-p", "8080:80", image, "nc", "-ll", "-p", "80", "-e", "echo", "hello")
        address = _settings(nau, "web", "apart")["IPAddress"]
        wait_until(lambda: "hello" in lan.host.run("busybox", "nc", "-w", "2", address, "80", check=False))
        assert nau("run", "--rm", "--network", "apart", image, "nc", "-w", "1", address, "80", status=1).out == ""
        with lan.outside.entered():
            world = socket.create_server(("", 99))
        container = nau.start("run", "--rm", "--network", "apart", image, "nc", "-w", "3", "192.0.2.2", "99")
        client, _ = world.accept()
        client.sendall(b"out\n")
        client.close()
        world.close()
        assert container.wait().out == "out\n"
        assert "hello" in lan.outside.run("busybox", "nc", "-w", "2", "192.0.2.1", "8080")


@test
def without_masquerade_the_world_sees_the_container(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        nau("network", "create", "--subnet", "10.5.0.0/24", "-o", "com.docker.network.bridge.enable_ip_masquerade=false", "routed")
        lan.outside.run("ip", "route", "add", "10.5.0.0/24", "via", "192.0.2.1")
        with lan.outside.entered():
            server = socket.create_server(("", 99))
        container = nau.start("run", "--rm", "--name", "c", "--network", "routed", image, "sh", "-c", "nc -ll -p 80 -e echo secret & nc -w 3 192.0.2.2 99")
        client, address = server.accept()
        assert address[0] == "10.5.0.2"
        assert "secret" not in lan.outside.run("busybox", "nc", "-w", "1", "10.5.0.2", "80", check=False)  # not published
        client.close()
        server.close()
        container.wait()


@test
def a_network_may_say_where_its_ports_are_published(nau):
    image = nau.image("busybox")
    with Lan(nau):
        nau("network", "create", "-o", "com.docker.network.bridge.host_binding_ipv4=127.0.0.1", "x")
        nau("create", "--name", "a", "--network", "x", "-p", "8080:80", image)
        assert nau("port", "a").out == "80/tcp -> 127.0.0.1:8080\n"


@test
def without_ipam_a_container_finds_its_own_address(nau):
    image = nau.image("busybox")
    with Lan(nau):
        nau("network", "create", "-d", "macvlan", "-o", "parent=eth0", "--ipam-driver", "none", "wire")
        out = nau("run", "--rm", "--network", "wire", "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW", image, "sh", "-c",
                  "ip addr add 192.0.2.50/24 dev eth0; ping -c 1 -W 2 192.0.2.2; ip -o -4 addr").out
        assert "1 packets received" in out and "192.0.2.50/24" in out, out


@test
def the_way_out_moves_with_the_networks(nau):
    image = nau.image("busybox")
    with Lan(nau):
        nau("network", "create", "--subnet", "10.5.0.0/24", "a")
        nau("network", "create", "--subnet", "10.6.0.0/24", "--ipv6", "b")
        nau("network", "create", "--internal", "inner")
        nau("run", "-d", "--name", "c", "--network", "inner", image, "sleep", "1000")

        def ways_out():
            return re.findall(r"default via (\S+)", nau("exec", "c", "sh", "-c", "ip -4 route; ip -6 route").out)
        assert ways_out() == []
        nau("network", "connect", "a", "c")
        assert ways_out() == ["10.5.0.1"]
        nau("network", "connect", "b", "c")
        v6 = [s["gateway"] for s in nau("network", "inspect", "b").json()[0]["subnets"] if ":" in s["gateway"]]
        assert ways_out() == ["10.5.0.1", *v6]
        nau("network", "disconnect", "a", "c")
        assert ways_out() == ["10.6.0.1", *v6]
        hosts = nau("exec", "c", "cat", "/etc/hosts").out
        assert "10.6.0.2" in hosts and "10.5.0.2" not in hosts
        resolv = nau("exec", "c", "cat", "/etc/resolv.conf").out
        assert "nameserver 10.6.0.1" in resolv and "10.5.0.1" not in resolv, resolv


@test
def lists_are_filtered(nau):
    with Lan(nau):
        nau("network", "create", "--label", "tier=one", "one")
        nau("network", "create", "--internal", "--label", "tier=two", "two")
        for filter, names in (("internal=true", ["two"]), ("label=tier=one", ["one"]), ("name=o", ["one", "two"]), ("type=custom", ["one", "two"]),
                              ("driver=macvlan", []), ("until=1h", []), ("dangling=true", ["one", "two"])):
            assert sorted(nau("net", "ls", "-q", "-f", filter).lines) == names, filter
        nau.fails(125, "net", "ls", "-f", "colour=red", error="colour")


main()
