"""Hosts that lack what networks are made of: the error says what, and containers without need of it run."""

import sys

from nautest import Lan, main, skip, test

# Runs a command for which the kernel has no nfnetlink: socket(AF_NETLINK, …, NETLINK_NETFILTER) fails as it does then.
WITHOUT_NFTABLES = """
import ctypes, os, struct, sys
SOCKET, ARCH, EPROTONOSUPPORT = {"x86_64": (41, 0xc000003e, 93), "aarch64": (198, 0xc00000b7, 93)}[os.uname().machine]
def op(code, jt, jf, k): return struct.pack("HBBI", code, jt, jf, k)
code = b"".join([op(0x20, 0, 0, 4), op(0x15, 0, 7, ARCH), op(0x20, 0, 0, 0), op(0x15, 0, 5, SOCKET), op(0x20, 0, 0, 16),
                 op(0x15, 0, 3, 16), op(0x20, 0, 0, 32), op(0x15, 0, 1, 12), op(0x06, 0, 0, 0x00050000 | EPROTONOSUPPORT), op(0x06, 0, 0, 0x7fff0000)])
keep = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(keep))
if ctypes.CDLL(None, use_errno=True).prctl(22, 2, ctypes.create_string_buffer(program)) != 0:
    sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
"""


@test
def without_nftables_only_networks_fail(nau):
    image = nau.image("busybox")
    with Lan(nau):
        usual = nau.prefix
        nau.prefix = [*usual, sys.executable, "-c", WITHOUT_NFTABLES]
        result = nau("run", "--rm", image, "true", status=125)
        assert "netfilter: Protocol not supported" in result.err and "--network=none" in result.err, result
        for mode in ("none", "host"):
            assert nau("run", "--rm", "--network", mode, image, "echo", "works").out == "works\n"
        nau.prefix = usual
        assert nau("run", "--rm", image, "echo", "works").out == "works\n"


@test
def without_bridges_only_networks_fail(nau):
    image = nau.image("busybox")
    with Lan(nau):
        env = {"NAU_FAIL_POINT": "network.bridge.before=error:EOPNOTSUPP"}
        result = nau("run", "--rm", image, "true", env=env, status=None)
        if result.status == 0:
            skip("this build has no fail points")
        assert result.status == 125 and "this kernel has no bridges" in result.err and "--network=none" in result.err, result
        for mode in ("none", "host"):
            assert nau("run", "--rm", "--network", mode, image, "echo", "works", env=env).out == "works\n"


@test
def without_ipv6_a_network_that_asks_for_it_says_so(nau):
    image = nau.image("busybox")
    with Lan(nau, ipv6=False) as lan:
        lan.host.run("sysctl", "-w", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        assert nau("run", "--rm", image, "echo", "works").out == "works\n"


@test
def a_parent_that_is_not_there_is_named(nau):
    image = nau.image("busybox")
    with Lan(nau):
        for driver in ("macvlan", "ipvlan"):
            nau("network", "create", "-d", driver, "-o", "parent=eth9", "--subnet", "10.5.0.0/24", driver)
            nau.fails(125, "run", "--rm", "--network", driver, image, "true", error="no interface 'eth9'")


main()
