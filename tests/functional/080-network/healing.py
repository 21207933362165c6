"""What others remove, and processes that are killed: nothing opens, everything comes back."""

import os
import signal
import threading
import time

from nautest import Lan, main, test, wait_until


def _ask(machine, address, port):
    return machine.run("busybox", "nc", "-w", "1", address, str(port), check=False)


def _start(nau, image):
    nau("network", "create", "blue")
    nau("run", "-d", "--name", "web", "--network", "blue", "-p", "8080:80", image, "nc", "-ll", "-p", "80", "-e", "echo", "hello")


@test
def flushing_all_rules_changes_nothing_or_is_healed(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        _start(nau, image)
        wait_until(lambda: "hello" in _ask(lan.outside, "192.0.2.1", 8080))
        lan.host.run("nft", "add", "table", "ip", "other")
        address = nau.inspect("web")["NetworkSettings"]["IPAddress"]
        lan.outside.run("ip", "route", "add", "10.86.0.0/16", "via", "192.0.2.1")
        for _ in range(20):
            lan.host.run("nft", "flush", "ruleset")
            assert "hello" not in _ask(lan.outside, address, 80)
            assert "hello" in _ask(lan.outside, "192.0.2.1", 8080)
        assert "table ip other" not in lan.host.run("nft", "list", "ruleset")


@test
def a_killed_keeper_comes_back_by_itself(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        _start(nau, image)
        network = nau.inspect("web")["NetworkSettings"]
        for _ in range(3):
            keeper, guard = lan.keeper(), wait_until(lan.guard, what="the keeper's guard")
            os.kill(keeper, signal.SIGKILL)
            wait_until(lambda: lan.keeper() not in (None, keeper), what="another keeper")
            wait_until(lambda: "hello" in _ask(lan.host, "127.0.0.1", 8080), what="the port")
            assert "hello" in _ask(lan.outside, "192.0.2.1", 8080)
            assert lan.host.run("dig", f"@{network['Gateway']}", "+short", "web").strip() == network["IPAddress"]
            wait_until(lambda: lan.guard() not in (None, guard), what="another guard")
        guard = lan.guard()
        os.kill(guard, signal.SIGKILL)
        wait_until(lambda: lan.guard() not in (None, guard), what="another guard")


@test
def a_killed_keeper_is_replaced_by_the_next_command(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        _start(nau, image)
        gateway = nau.inspect("web")["NetworkSettings"]["Gateway"]
        wait_until(lambda: "hello" in _ask(lan.outside, "192.0.2.1", 8080))
        lan.kill_keeper_and_guard()
        assert "hello" in _ask(lan.outside, "192.0.2.1", 8080)  # the rules stay in the kernel
        nau("network", "reload")
        assert lan.host.run("dig", f"@{gateway}", "+short", "web").strip() == nau.inspect("web")["NetworkSettings"]["IPAddress"]
        assert "hello" in _ask(lan.host, "127.0.0.1", 8080) and "hello" in _ask(lan.outside, "192.0.2.1", 8080)


@test
def what_ends_while_the_keeper_is_dead_is_forgotten(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        _start(nau, image)
        nau("run", "-d", "--name", "stays", "--network", "blue", image, "sleep", "1000")
        lan.kill_keeper_and_guard()
        os.kill(nau.pid("web"), signal.SIGKILL)
        nau("wait", "web")
        wait_until(lambda: len([l for l in lan.host.links() if l.startswith("nv")]) == 1)
        nau("run", "--rm", "--network", "blue", "-p", "8080:80", image, "true")  # the port is free
        gateway = nau.inspect("stays")["NetworkSettings"]["Gateway"]
        assert lan.host.run("dig", f"@{gateway}", "+short", "web").strip() == ""
        assert lan.host.run("dig", f"@{gateway}", "+short", "stays").strip() != ""


@test
def the_keeper_ends_with_the_last_container(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        _start(nau, image)
        assert lan.keeper() is not None
        nau("rm", "-f", "web")
        wait_until(lambda: lan.keeper() is None, what="the keeper's end")
        assert "table" not in lan.host.run("nft", "list", "tables")
        assert not (nau.runroot / "networks" / "keeper.sock").exists()


@test
def a_removed_bridge_comes_back_by_reload(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        _start(nau, image)
        wait_until(lambda: "hello" in _ask(lan.outside, "192.0.2.1", 8080))
        bridge = nau("network", "inspect", "blue").json()[0]["network_interface"]
        lan.host.run("ip", "link", "del", bridge)
        nau("network", "reload")
        wait_until(lambda: "hello" in _ask(lan.outside, "192.0.2.1", 8080))


@test
def check_tells_what_is_reachable_and_what_is_in_the_way(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        _start(nau, image)
        assert "web" in nau("network", "check").out
        lan.host.run("nft", "add", "table", "ip", "wall")
        lan.host.run("nft", "add", "chain", "ip", "wall", "forward", "{ type filter hook forward priority 0; policy drop; }")
        out = nau("network", "check", status=1).out
        assert "ip wall forward" in out and "0.0.0.0:8080" in out, out


@test(timeout=120)
def names_are_never_missing_while_others_come_and_go(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        _start(nau, image)
        gateway = nau.inspect("web")["NetworkSettings"]["Gateway"]
        wanted = nau.inspect("web")["NetworkSettings"]["IPAddress"]
        queries = nau.base / "queries"
        queries.write_text("web A\n" * 300)
        joins = threading.Thread(target=lambda: [nau("run", "--rm", "--network", "blue", image, "true") for _ in range(12)])
        joins.start()
        answers = []
        while joins.is_alive():
            answers += lan.host.run("dig", f"@{gateway}", "+short", "+tries=1", "+time=2", "-f", queries).split()
        joins.join()
        assert len(answers) >= 300 and set(answers) == {wanted} and len(answers) % 300 == 0, (len(answers), set(answers))



main()
