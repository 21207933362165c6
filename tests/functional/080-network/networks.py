"""User-defined networks: making, joining, leaving, isolation, names."""

import re
import socket
import struct
import threading

from nautest import Lan, World, main, test, wait_until


def _ask(nau, container, address, port=80):
    return nau("exec", container, "nc", "-w", "1", address, str(port), status=None).out


@test
def a_network_is_made_listed_and_removed(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        assert nau("network", "create", "--label", "a=b", "blue").out == "blue\n"
        nau.fails(125, "network", "create", "blue", error="'blue' exists")
        nau("network", "create", "--ignore", "blue")
        nau("network", "create", "--internal", "--subnet", "10.5.0.0/24", "--gateway", "10.5.0.9", "--ip-range", "10.5.0.128/25", "red")
        assert nau("network", "ls", "-q").lines == ["blue", "red"]
        red = nau("network", "inspect", "red").json()[0]
        assert red["subnets"][0]["gateway"] == "10.5.0.9" and red["internal"] is True and red["driver"] == "bridge"
        blue = nau("network", "inspect", "blue").json()[0]
        assert re.fullmatch(r"10\.86\.\d+\.0/24", blue["subnets"][0]["subnet"]) and blue["dns_enabled"] is True
        nau("run", "-d", "--name", "a", "--network", "blue", image, "sleep", "1000")
        inside = nau("network", "inspect", "blue").json()[0]["containers"]
        assert [c["name"] for c in inside.values()] == ["a"]
        nau.fails(2, "network", "rm", "blue", error="used by a")
        nau.fails(1, "network", "rm", "nosuch", error="nosuch")
        assert nau("network", "exists", "blue").status == 0 and nau("network", "exists", "no", status=1)
        assert nau("network", "prune", "-f").out == "red\n"
        assert nau("network", "rm", "-f", "blue").out == "blue\n"
        assert nau("ps", "-aq").lines == [] and not [l for l in lan.host.links() if l.startswith("nau")]


@test
def subnets_keep_clear_of_the_host_and_of_each_other(nau):
    with Lan(nau) as lan:
        lan.host.run("ip", "route", "add", "10.86.0.0/24", "via", "192.0.2.2")
        nau("network", "create", "a")
        nau("network", "create", "b")
        subnets = [nau("network", "inspect", n).json()[0]["subnets"][0]["subnet"] for n in "ab"]
        assert subnets == ["10.86.1.0/24", "10.86.2.0/24"]
        nau.fails(125, "network", "create", "--subnet", "10.86.2.128/25", "c", error="overlaps with 10.86.2.0/24 of another network")
        nau.fails(125, "network", "create", "--subnet", "192.0.2.0/25", "c", error="overlaps.*of the host")
        for arguments, word in ((["--subnet", "10.1.0.0/31"], "no room"), (["--subnet", "x"], "'x'"), (["--subnet", "10.1.0.1/24"], "10.1.0.0/24"),
                                (["-d", "overlay"], "overlay"), (["-o", "colour=red"], "colour"), (["-o", "mtu=1"], "mtu"),
                                (["--subnet", "10.1.0.0/24", "--gateway", "10.2.0.1"], "10.2.0.1")):
            nau.fails(125, "network", "create", *arguments, "c", error=word)
        nau.fails(125, "network", "create", "host", error="'host' cannot name")
        nau.fails(125, "network", "create", "a b", error="invalid network name")


@test
def static_addresses_are_reserved_and_pools_end(nau):
    image = nau.image("busybox")
    with Lan(nau):
        nau("network", "create", "--subnet", "10.5.0.0/29", "small")
        nau("create", "--name", "fixed", "--network", "small:ip=10.5.0.2,mac=92:d0:c6:0a:29:33", image, "ip", "addr", "show", "dev", "eth0")
        nau("start", "-a", "fixed")
        nau.fails(125, "run", "--rm", "--network", "small", "--ip", "10.5.0.2", image, "true", error="10.5.0.2.*container fixed")
        nau.fails(125, "run", "--rm", "--network", "small", "--ip", "10.6.0.2", image, "true", error="10.6.0.2.*no subnet")
        nau.fails(125, "run", "--rm", "--network", "small", "--ip", "10.5.0.1", image, "true", error="gateway")
        out = nau("start", "-a", "fixed").out
        assert "inet 10.5.0.2/29" in out and "92:d0:c6:0a:29:33" in out
        for number in range(4):
            nau("run", "-d", "--name", f"c{number}", "--network", "small", image, "sleep", "1000")
        nau.fails(125, "run", "--rm", "--network", "small", image, "true", error="no free address")
        nau("kill", "c2")
        nau("wait", "c2")
        assert nau("run", "--rm", "--network", "small", image, "true").status == 0


@test
def networks_are_isolated_and_internal_ones_closed(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        for name in ("blue", "red"):
            nau("network", "create", name)
            nau("run", "-d", "--name", name, "--network", name, image, "nc", "-ll", "-p", "80", "-e", "echo", "hello")
        nau("network", "create", "--internal", "closed")
        nau("run", "-d", "--name", "closed", "--network", "closed", image, "sleep", "1000")
        nau("run", "-d", "--name", "friend", "--network", "blue", image, "sleep", "1000")
        address = nau.inspect("blue")["NetworkSettings"]["Networks"]["blue"]["IPAddress"]
        wait_until(lambda: _ask(nau, "friend", address) == "hello\n")
        assert _ask(nau, "red", address) == "" and _ask(nau, "closed", address) == ""
        with lan.outside.entered():
            server = socket.create_server(("", 99))
        assert "default" not in nau("exec", "closed", "ip", "route").out
        nau("exec", "closed", "nc", "-w", "1", "192.0.2.2", "99", status=1)
        server.close()
        world = World(lan.outside)
        nau("network", "create", "--internal", "--dns", "192.0.2.2", "dark")
        nau("run", "-d", "--name", "dark", "--network", "dark", image, "sleep", "1000")
        assert nau("exec", "dark", "nslookup", "world.test", status=1)
        assert "Address" in nau("exec", "dark", "nslookup", "dark").out and world.asked == []


@test
def names_are_found_forward_and_reverse(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        world = World(lan.outside)
        nau("network", "create", "--ipv6", "--dns", "192.0.2.2", "blue")
        nau("network", "create", "--dns", "192.0.2.2", "red")
        web = nau("run", "-d", "--name", "Web", "--network", "blue:alias=www", image, "sleep", "1000").word
        nau("run", "-d", "--name", "client", "--network", "blue", image, "sleep", "1000")
        nau("run", "-d", "--name", "stranger", "--network", "red", image, "sleep", "1000")
        settings = nau.inspect("Web")["NetworkSettings"]["Networks"]["blue"]
        v4, v6, gateway = settings["IPAddress"], settings["GlobalIPv6Address"], settings["Gateway"]

        def dig(*args):
            return lan.host.run("dig", f"@{gateway}", "+short", "+time=2", "+tries=1", *args).split()
        for name in ("web", "WWW", web[:12], "web.blue"):
            assert dig(name) == [v4], name
            assert dig("+tcp", name, "AAAA") == [v6], name
        assert dig("-x", v4) == ["Web."] and dig("-x", v6) == ["Web."]
        assert dig("stranger") == [] and dig("world.test") == ["1.2.3.4"] and world.asked == ["stranger", "world.test"]
        assert len(dig("big.test")) == 60  # cut by UDP, whole by TCP
        resolv = nau("exec", "client", "cat", "/etc/resolv.conf").out
        assert f"nameserver {gateway}\n" in resolv and "ndots:0" in resolv
        assert v4 in nau("exec", "client", "nslookup", "web").out
        assert v4 not in nau("exec", "stranger", "nslookup", "web", status=None).out
        nau("network", "connect", "--alias", "late", "blue", "stranger")
        late = nau.inspect("stranger")["NetworkSettings"]["Networks"]["blue"]["IPAddress"]
        assert dig("late") == [late] and dig("stranger") == [late]
        assert v4 in nau("exec", "stranger", "nslookup", "web").out
        assert late in nau("exec", "stranger", "cat", "/etc/hosts").out
        assert "eth1" in nau("exec", "stranger", "ip", "link").out
        nau.fails(125, "network", "connect", "blue", "stranger", error="already")
        nau("network", "disconnect", "blue", "stranger")
        assert dig("late") == [] and "eth1" not in nau("exec", "stranger", "ip", "link").out
        assert late not in nau("exec", "stranger", "cat", "/etc/hosts").out
        nau.fails(125, "network", "disconnect", "blue", "stranger", error="not in network")
        nau("rm", "-f", "Web")
        assert dig("web") == []


@test
def a_container_in_two_networks_has_both(nau):
    image = nau.image("busybox")
    with Lan(nau):
        nau("network", "create", "blue")
        nau("network", "create", "red")
        out = nau("run", "--rm", "--network", "blue", "--network", "red:interface_name=net7", image, "sh", "-c", "ip -o -4 addr; ip route").out
        assert "eth0" in out and "net7" in out and out.count("default") == 1
        nau.fails(125, "run", "--rm", "--network", "nosuch", image, "true", error="no network with name or id 'nosuch'")


@test
def macvlan_is_a_machine_of_its_own_on_the_hosts_wire(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        nau("network", "create", "-d", "macvlan", "-o", "parent=eth0", "--subnet", "192.0.2.0/24", "--gateway", "192.0.2.2",
            "--ip-range", "192.0.2.100-192.0.2.110", "wire")
        with lan.outside.entered():
            server = socket.create_server(("", 99))
        container = nau.start("run", "--rm", "--network", "wire", image, "nc", "-w", "3", "192.0.2.2", "99")
        client, address = server.accept()
        assert address[0] == "192.0.2.100"
        client.sendall(b"welcome\n")
        client.close()
        assert container.wait().out == "welcome\n"


@test
def tenants_do_not_see_each_others_networks(nau):
    with Lan(nau):
        nau("network", "create", "blue")
        nau.options = ["--namespace", "other"]
        assert nau("network", "ls", "-q").lines == []
        nau("network", "create", "blue")
        nau("network", "rm", "blue")
        nau.options = []
        assert nau("network", "ls", "-q").lines == ["blue"]


main()
